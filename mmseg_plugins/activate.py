"""Importing this module calls :func:`mmseg_plugins.setup`: the line for a config's ``custom_imports``.

``custom_imports = dict(imports=['mmseg_plugins.activate'])`` acts whether or not the package was imported before;
``imports=['mmseg_plugins']`` acts only where the config is what imports it first.
"""

from mmseg_plugins import setup

setup()

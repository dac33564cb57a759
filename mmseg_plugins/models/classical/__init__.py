"""Segmentation without training, by scikit-image, SciPy and OpenCV: functions from an image to a map of labels.

Nothing here knows a host or a tensor: images are NumPy arrays (H, W, 3), BGR, as the hosts' loading steps give them.
"""

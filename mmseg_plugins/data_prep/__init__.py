"""Data sets made or converted: foreign annotation formats, generated shapes, masks from boxes."""

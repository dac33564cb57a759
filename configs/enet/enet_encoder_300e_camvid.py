# First of ENet's two stages on CamVid, the published recipe: the encoder alone, with
# labels at stride 8 (45 x 60 for images of 360 x 480).
#   python tools/train.py configs/enet/enet_encoder_300e_camvid.py
# Not yet measured here.
_base_ = ['./_base_/encoder.py', './_base_/recipe_300e.py']

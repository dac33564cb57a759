# CRF-RNN on PASCAL VOC: FCN-8s and ten mean field iterations trained together, from a
# trained FCN-8s, with whole images, one a step, and five iterations in training, each
# padded to 500 x 500 with the mean color, as the released demo does.
# The released checkpoint (mmseg-plugins convert-weights crfrnn-sadeepj) runs here, too.
#   python tools/train.py configs/crf/crfrnn_fcn8s-vgg16-caffe_100k_voc.py
# Not yet measured here.
_base_ = '../fcn/_base_/voc.py'

env_cfg = dict(cudnn_benchmark=True)  # images of one size
padded_size = (500, 500)  # VOC's images are no larger
base_lr = 1e-13  # of the summed loss, as recalled from the paper; factors from the released solver
load_from = 'work_dirs/fcn8s_vgg16-caffe_100k_voc/iter_100000.pth'
custom_hooks = [
    dict(
        type='mmseg_plugins.LoadFromCheckHook',
        made_by='python tools/train.py configs/fcn/fcn8s_vgg16-caffe_100k_voc.py',
        renamed={'decode_head.': 'decode_head.head.'},  # what the head makes of its own names
        new=[r'decode_head\.crfrnn\..*', r'decode_head\.head\.upscore2\.bias'])
]

model = dict(
    data_preprocessor=dict(
        mean=[103.939, 116.779, 123.68],
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False,
        size=padded_size,
        size_divisor=None,
        test_cfg=dict(size=padded_size)),
    decode_head=dict(
        _delete_=True,
        type='mmseg_plugins.CRFRNNHead',
        image_to_head=True,
        iterations=(5, 10),
        crf=dict(alpha=160.0, beta=3.0, gamma=3.0),
        decode_head=dict(
            type='mmseg_plugins.FCNSkipHead',
            in_channels=[256, 512, 4096, 3],
            num_classes=21,
            upscore2_bias=True,
            learn_sums=True,
            loss_decode=dict(type='mmseg_plugins.WeightedCrossEntropyLoss', normalizer='sum'))))
optim_wrapper = dict(
    optimizer=dict(lr=base_lr),
    paramwise_cfg=dict(
        custom_keys={
            'spatial_ker_weights': dict(lr_mult=10000.0),
            'bilateral_ker_weights': dict(lr_mult=10000.0),
            'compatibility_matrix': dict(lr_mult=1000.0)
        }))

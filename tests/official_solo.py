"""The released SOLO models: parameter names and shapes of whole checkpoints, from their description."""

GRIDS = [40, 36, 24, 16, 12]


class Params(dict):
    """Name -> shape, filled part by part."""

    def conv(self, name, out, inp, k, bias=False):
        self[f'{name}.weight'] = (out, inp, k, k)
        if bias:
            self[f'{name}.bias'] = (out, )

    def norm(self, name, channels, running=True):
        self[f'{name}.weight'] = self[f'{name}.bias'] = (channels, )
        if running:
            self[f'{name}.running_mean'] = self[f'{name}.running_var'] = (channels, )
            self[f'{name}.num_batches_tracked'] = ()

    def block(self, name, out, inp, k=3, dcn=False, gn=True):
        self.conv(f'{name}.conv', out, inp, k, bias=not gn)
        if dcn:
            self.conv(f'{name}.conv.conv_offset', 27 if dcn == 'DCNv2' else 18, inp, 3, bias=True)
        if gn:
            self.norm(f'{name}.gn', out, running=False)

    def resnet(self, depth, dcn=False):
        basic = depth == 18
        self.conv('backbone.conv1', 64, 3, 7)
        self.norm('backbone.bn1', 64)
        channels = 64
        for stage, count in enumerate({18: [2, 2, 2, 2], 50: [3, 4, 6, 3]}[depth]):
            width = 64 * 2**stage
            outs = [(width, 3), (width, 3)] if basic else [(width, 1), (width, 3), (4 * width, 1)]
            for i in range(count):
                block, inp = f'backbone.layer{stage + 1}.{i}', channels
                for j, (out, k) in enumerate(outs, 1):
                    self.conv(f'{block}.conv{j}', out, inp, k)
                    if dcn and stage > 0 and j == 2:
                        self.conv(f'{block}.conv{j}.conv_offset', 18, inp, 3, bias=True)
                    self.norm(f'{block}.bn{j}', out)
                    inp = out
                if i == 0 and channels != inp:
                    self.conv(f'{block}.downsample.0', inp, channels, 1)
                    self.norm(f'{block}.downsample.1', inp)
                channels = inp
        for i in range(4):
            self.block(f'neck.lateral_convs.{i}', 256, (64 if basic else 256) * 2**i, 1, gn=False)
            self.block(f'neck.fpn_convs.{i}', 256, 256, gn=False)

    def tower(self, name, depth, width, extra, dcn=False):
        for i in range(depth):
            last_dcn = dcn if i == depth - 1 else False
            self.block(f'bbox_head.{name}.{i}', width, 256 + extra if i == 0 else width, dcn=last_dcn)


def solov2_light_r18():
    """SOLOv2_Light_448_R18_3x."""
    params = Params()
    params.resnet(18)
    params.tower('cate_convs', 2, 256, 0)
    params.tower('kernel_convs', 2, 256, 2)
    params.conv('bbox_head.solo_cate', 80, 256, 3, bias=True)
    params.conv('bbox_head.solo_kernel', 128, 256, 3, bias=True)
    for level in range(4):
        for i in range(max(level, 1)):
            inp = 128 if i else (258 if level == 3 else 256)
            params.block(f'mask_feat_head.convs_all_levels.{level}.conv{i}', 128, inp)
    params.block('mask_feat_head.conv_pred.0', 128, 128, 1)
    return params


def decoupled_light_dcn_r50():
    """Decoupled_SOLO_Light_DCN_R50_3x."""
    params = Params()
    params.resnet(50, dcn=True)
    params.tower('ins_convs', 4, 256, 2, dcn='DCN')
    params.tower('cate_convs', 4, 256, 0, dcn='DCN')
    for axis in 'xy':
        for i, grid in enumerate(GRIDS):
            params.conv(f'bbox_head.dsolo_ins_list_{axis}.{i}', grid, 256, 3, bias=True)
    params.conv('bbox_head.dsolo_cate', 80, 256, 3, bias=True)
    return params


def solo_r50():
    """SOLO_R50_1x and 3x."""
    params = Params()
    params.resnet(50)
    params.tower('ins_convs', 7, 256, 2)
    params.tower('cate_convs', 7, 256, 0)
    for i, grid in enumerate(GRIDS):
        params.conv(f'bbox_head.solo_ins_list.{i}', grid**2, 256, 1, bias=True)
    params.conv('bbox_head.solo_cate', 80, 256, 3, bias=True)
    return params

"""One step of training of the built-in model's U-Net in PyTorch: forward, backward, AdamW, batch 64, two threads.

    python tools/bench/bench_training.py [--batch 64] [--steps 5]      beside `sdc train`, which prints its images/s
"""
import argparse
import time

import torch
from diffusers import UNet2DConditionModel


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--steps", type=int, default=5)
    p.add_argument("--threads", type=int, default=2)
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    m = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(48, 96, 144),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=96,
        attention_head_dim=4,
        norm_num_groups=8,
    )
    best = {}
    for layout in (torch.contiguous_format, torch.channels_last):
        m = m.to(memory_format=layout)
        optimiser = torch.optim.AdamW(m.parameters(), lr=1e-3, foreach=True)
        times = []
        for _ in range(args.steps):
            x = torch.randn(args.batch, 4, 16, 16).contiguous(memory_format=layout)
            t, context = torch.randint(0, 1000, (args.batch,)), torch.randn(args.batch, 77, 96)
            start = time.perf_counter()
            y = m(x, t, encoder_hidden_states=context).sample
            loss = ((y - x) ** 2).mean()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(m.parameters(), 1.0)
            optimiser.step()
            times.append(time.perf_counter() - start)
        best[str(layout)] = min(times)
        print(f"{layout}: best {min(times):.3f} s, median {sorted(times)[len(times) // 2]:.3f} s a step of {args.batch}")
    print(f"best of all {min(best.values()):.3f} s, {args.batch / min(best.values()):.1f} images/s")


if __name__ == "__main__":
    main()

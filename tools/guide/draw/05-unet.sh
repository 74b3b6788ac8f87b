run
"$sdc" show "$data/run.safetensors" --columns 3 --cell 48 --tap unet.step008.conv_in \
    --tap unet.step008.down_blocks.0.attentions.0 --tap unet.step008.down_blocks.1.attentions.0 --tap unet.step008.mid_block \
    --tap unet.step008.up_blocks.1.attentions.1 --tap unet.step008.conv_out -o "$out/05-unet.png" > /dev/null

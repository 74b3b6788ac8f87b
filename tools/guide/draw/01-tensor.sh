run
"$sdc" show "$data/run.safetensors" --tap image --cell 100 -o "$out/01-tensor.png" > /dev/null

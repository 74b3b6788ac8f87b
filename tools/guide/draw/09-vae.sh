"$sdc" txt2img -q -p "a house on a green hill at night" --seed 4 --steps 20 --sampler Euler -o "$data/scene.png"
"$sdc" img2img -q -i "$data/scene.png" --seed 4 --only-encode "$data/scene.safetensors"
"$sdc" txt2img -q --only-decode "$data/scene.safetensors" -o "$data/back.png"
"$sdc" show "$data/scene.safetensors" --cell 64 -o "$data/latents.png" > /dev/null
"$montage" "$out/09-vae.png" 1 3 "$data/scene.png" "$data/back.png" "$data/scene.png~$data/back.png"
"$sdc" show "$data/scene.safetensors" --cell 64 -o "$out/09-latents.png" > /dev/null

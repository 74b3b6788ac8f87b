/* Every word of the page, in its languages. */
const WORDS = {
  en: {
    theme: "Dark or light", view_draw: "Draw", view_enlarge: "Enlarge", view_gallery: "Gallery", model: "Model", prompt: "Prompt",
    negative_prompt: "Negative prompt", draw: "Draw", keys: "Ctrl-Enter draws; Ctrl-Up and Ctrl-Down weight the selection",
    start: "Start from a picture", file: "A picture; or drop one here", brush: "Brush", erase: "Eraser", undo: "Undo",
    brush_help: "Paint over what is to change; without paint, all of it may.", clear: "Clear the mask", remove: "Without a picture",
    masked: "Where it is painted", hires: "Hires fix: draw twice, the second time larger", same: "as the first time",
    controls: "ControlNet and image prompts", add_unit: "Add a unit", no_controls: "No ControlNets: start the server with --controlnet-dir.",
    unit: "Unit", unit_image: "Picture (none: the one to start from)", module: "What is made of it", weight: "Weight", unit_start: "From",
    unit_end: "To", control_mode: "What counts more", unit_resize: "Size", threshold_a: "Low threshold", threshold_b: "High threshold",
    balanced: "Balanced", my_prompt: "My prompt", controlnet: "ControlNet", take_away: "Take away", just: "Just resize", crop: "Crop and resize",
    fill: "Resize and fill", cards: "LoRAs and embeddings", find: "Find by name", no_cards: "None: start the server with --lora-dir and --embedding-dir.",
    sheet: "Grid", sheet_help: "Draws a picture for each pair of values: 20, 30 or 1-5 or 0.5-1 (+0.1). Of a prompt: the word to replace, then words in its place.",
    x_row: "Across", y_row: "Down", values: "Values", draw_sheet: "Draw the grid", nothing: "nothing", sheet_words: "Words of the prompt",
    sheet_empty: "The grid needs values.", sheet_many: "That would be more than 400 pictures.", save_sheet: "Download as one picture",
    styles: "Styles", style_name: "Name of a style", style_keep: "Keep the prompts as a style", style_remove: "Remove the style",
    no_styles: "None: start the server with --styles FILE to keep some.", parts: "VAE and refiner", sd_vae: "VAE", refiner_checkpoint: "Refiner",
    more: "More settings", defaults: "All settings as at first", queue: "Queue", cancel: "Cancel", cancel_all: "Cancel all",
    idle: "Nothing is being drawn.", results: "Pictures", gallery: "Kept pictures", find_day: "Find by day or seed",
    no_outputs: "None. The server keeps pictures when it is started with --outputs DIR.", none: "None yet.", reuse: "Use its settings",
    as_start: "Start from it", as_control: "Use it for a ControlNet", download: "Download", close: "Close", before: "Previous", after: "Next",
    queued: "Waiting", place: "place", generating: "Drawing", step: "step", of: "of", batch: "batch", batch_size: "Batch size", stage_text: "Reading the prompt",
    stage_encode: "Encoding", stage_decode: "Decoding", completed: "Done in", failed: "It failed", cancelled: "Cancelled", stopped: "The server has stopped",
    seconds: "s", unset: "the model's", n_iter: "Batches", lost: "The server knows nothing of it any more.", unreachable: "The server cannot be reached.",
    nosettings: "This picture says nothing about how it was made.", full: "The queue is full: waiting for a place.", chunk: "chunks",
    upscaler: "Upscaler", enlarge_file: "A picture to enlarge", enlarge_scale: "Times as wide and high", working: "Working...", hash: "Hash",
    inpainting_mask_invert: "Repaint what is not painted", inpaint_full_res: "Draw the painted part alone, larger", soft_inpainting: "Soft inpainting",
    sd_vae_encode_method: "VAE encoder", encode: "Encoding",
    tokens_label: "tokens of", file_only: "That is no picture.", seed: "Seed", width: "Width", height: "Height", steps: "Steps", automatic: "the model's own" },
  zh: {
    theme: "深色或浅色", view_draw: "绘图", view_enlarge: "放大", view_gallery: "图库", model: "模型", prompt: "提示词", negative_prompt: "反向提示词",
    draw: "生成", keys: "Ctrl-Enter 生成；Ctrl-上/下 调整所选文字的权重", start: "从图片开始（图生图）", file: "图片；也可拖放到此处", brush: "画笔",
    erase: "橡皮", undo: "撤销", brush_help: "涂抹要重绘的部分；不涂抹则整张都可改变。", clear: "清除蒙版", remove: "不用图片", masked: "涂抹的部分",
    hires: "高分辨率修复：先画小图，再放大重绘", same: "与首次相同", controls: "ControlNet 与图片提示", add_unit: "添加单元",
    no_controls: "没有 ControlNet：请用 --controlnet-dir 启动服务器。", unit: "单元", unit_image: "图片（空：用起始图片）", module: "预处理器", weight: "权重",
    unit_start: "起始步", unit_end: "结束步", control_mode: "控制模式", unit_resize: "缩放模式", threshold_a: "低阈值", threshold_b: "高阈值", balanced: "均衡",
    my_prompt: "更偏向提示词", controlnet: "更偏向 ControlNet", take_away: "移除", just: "仅缩放", crop: "裁剪后缩放", fill: "缩放并填充",
    cards: "LoRA 与嵌入", find: "按名称查找", no_cards: "没有：请用 --lora-dir 和 --embedding-dir 启动服务器。", sheet: "网格图",
    sheet_help: "对每一对取值各画一张：20, 30 或 1-5 或 0.5-1 (+0.1)。提示词：先写要替换的词，再写替换成的词。", x_row: "横轴", y_row: "纵轴", values: "取值",
    draw_sheet: "生成网格图", nothing: "无", sheet_words: "提示词中的词", sheet_empty: "请填写网格图的取值。", sheet_many: "超过 400 张图片。",
    save_sheet: "下载为一张图片", styles: "预设样式", style_name: "样式名称", style_keep: "把提示词存为样式", style_remove: "删除样式",
    no_styles: "没有：用 --styles FILE 启动服务器即可保存。", parts: "VAE 与精炼模型", sd_vae: "VAE", refiner_checkpoint: "精炼模型", more: "更多设置",
    defaults: "恢复默认设置", queue: "队列", cancel: "取消", cancel_all: "全部取消", idle: "当前没有任务。", results: "图片", gallery: "已保存的图片",
    find_day: "按日期或种子查找", no_outputs: "没有。用 --outputs DIR 启动服务器才会保存图片。", none: "暂无。", reuse: "使用它的设置", as_start: "以它为起点",
    as_control: "用于 ControlNet", download: "下载", close: "关闭", before: "上一张", after: "下一张", queued: "排队中", place: "位置", generating: "生成中",
    step: "步数", of: "/", batch: "批次", stage_text: "读取提示词", stage_encode: "编码中", stage_decode: "解码中", encode: "编码取样", completed: "完成，用时", failed: "失败", cancelled: "已取消",
    stopped: "服务器已停止", seconds: "秒", unset: "由模型决定", n_iter: "批次数", lost: "服务器上已没有这个任务。", unreachable: "无法连接服务器。",
    nosettings: "这张图片没有生成信息。", full: "队列已满：等待空位。", chunk: "段", upscaler: "放大算法", enlarge_file: "要放大的图片", enlarge_scale: "放大倍数",
    working: "处理中……", hash: "哈希", tokens_label: "个词元，上限", file_only: "这不是图片。", automatic: "模型自带",
    width: "宽度", height: "高度", steps: "步数", cfg_scale: "提示词引导系数", sampler_name: "采样方法", scheduler: "调度类型", seed: "随机种子",
    batch_size: "每批数量", denoising_strength: "重绘幅度", CLIP_stop_at_last_layers: "CLIP 终止层数", subseed: "变异种子", subseed_strength: "变异强度",
    resize_mode: "缩放模式", mask_blur: "蒙版模糊度", mask_blur_x: "横向模糊度", mask_blur_y: "纵向模糊度", inpainting_fill: "蒙版区域内容",
    inpaint_full_res: "仅蒙版区域", inpaint_full_res_padding: "蒙版边缘预留像素", inpainting_mask_invert: "反转蒙版", soft_inpainting: "柔和重绘",
    soft_inpainting_bias: "柔和：时间偏置", soft_inpainting_preservation: "柔和：保留强度", soft_inpainting_boost: "柔和：对比增强",
    soft_inpainting_mask_influence: "柔和：蒙版影响", soft_inpainting_threshold: "柔和：差异阈值", soft_inpainting_contrast: "柔和：差异对比度",
    inpainting_mask_weight: "条件蒙版权重", image_cfg_scale: "图片引导系数", strength_steps: "重绘步数算法", sd_vae_encode_method: "VAE 编码",
    sd_vae_decode_method: "VAE 解码", eta: "Eta", eta_noise_seed_delta: "Eta 噪声种子偏移", randn_source: "随机数来源", emphasis: "强调模式",
    prompt_comments: "提示词注释", seed_resize_from_w: "种子缩放宽度", seed_resize_from_h: "种子缩放高度", sigma_min: "最小 sigma", sigma_max: "最大 sigma",
    always_discard_next_to_last_sigma: "丢弃倒数第二个 sigma", sdxl_clip_l_skip: "SDXL 第一编码器也跳层", original_width: "原始宽度", original_height: "原始高度",
    sdxl_crop_top: "裁剪上边", sdxl_crop_left: "裁剪左边", target_width: "目标宽度", target_height: "目标高度", sdxl_refiner_high_aesthetic_score: "美学评分",
    sdxl_refiner_low_aesthetic_score: "反向美学评分", refiner_switch_at: "精炼切换点", refiner_switch_by_sample_steps: "按步数切换精炼",
    hires_scale: "放大倍数", hires_width: "放大到宽度", hires_height: "放大到高度", hires_steps: "二次步数", hires_upscaler: "放大算法",
    hires_sampler: "二次采样方法", hires_scheduler: "二次调度类型", hires_cfg: "二次提示词引导系数", hires_prompt: "二次提示词", hires_negative: "二次反向提示词",
    lora_apply: "LoRA 叠加方式", lora_strict: "LoRA 必须完全匹配" } };

let language = navigator.language.startsWith("zh") ? "zh" : "en";
const t = key => WORDS[language][key] || WORDS.en[key] || key;

/* Puts the language's words into what the HTML says is to have some. */
function speak_page() {
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  $("language").value = language;
  for (const e of document.querySelectorAll("[data-t]")) e.textContent = t(e.dataset.t);
  for (const e of document.querySelectorAll("[data-label]")) e.setAttribute("aria-label", t(e.dataset.label));
  for (const e of document.querySelectorAll("[data-hint]")) e.placeholder = t(e.dataset.hint);
}

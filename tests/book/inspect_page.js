(scheme) => {
  const found = [];
  const root = document.documentElement;
  const article = document.querySelector(".bd-article") ?? document.body;

  if (root.dataset.theme !== scheme) found.push(`colour scheme is ${root.dataset.theme}`);

  const over = root.scrollWidth - root.clientWidth;
  if (over > 1) {
    const wide = [...document.body.querySelectorAll("*")]
      .filter((e) => e.getBoundingClientRect().right > root.clientWidth + 1)
      .slice(0, 3)
      .map((e) => `${e.tagName}.${e.className}`);
    found.push(`page is ${over} px wider than the window: ${wide}`);
  }

  const heading = article.querySelector("h1");
  if (!heading || !heading.checkVisibility() || !heading.innerText.trim()) {
    found.push("no visible heading");
  }

  for (const image of document.images) {
    if (image.checkVisibility() && !image.naturalWidth) found.push(`image not shown: ${image.src}`);
  }

  const formulas = document.querySelectorAll(".math").length;
  const drawn = document.querySelectorAll("mjx-container").length;
  if (drawn < formulas) found.push(`formulas not drawn: ${formulas - drawn} of ${formulas}`);
  for (const error of document.querySelectorAll("mjx-merror")) {
    found.push(`formula with an error: ${error.getAttribute("data-mjx-error")}`);
  }

  const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 })
    .getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const blend = (top, below) => below.map((c, i) => (i < 3 ? top[i] * top[3] + c * (1 - top[3]) : 1));
  const background = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      layers.unshift(rgba(getComputedStyle(e).backgroundColor));
    }
    const page = scheme === "dark" ? [18, 18, 18, 1] : [255, 255, 255, 1];
    return layers.reduce((below, top) => blend(top, below), page);
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((c) => {
      const s = c / 255;
      return s <= 0.03928 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = new Map();
  const walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest("script, style, mjx-container, .headerlink")) {
      continue;
    }
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const style = getComputedStyle(element);
    const below = background(element);
    const colour = rgba(style.color);
    for (let e = element; e; e = e.parentElement) colour[3] *= Number(getComputedStyle(e).opacity);
    const [a, b] = [luminance(blend(colour, below)), luminance(below)];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (contrast < (large ? 3 : 4.5)) {
      const key = `${element.tagName}.${element.className} on ${below.slice(0, 3).map(Math.round)}`;
      if (!faint.has(key)) faint.set(key, [contrast, walker.currentNode.data.trim().slice(0, 30)]);
    }
  }
  for (const [key, [contrast, words]] of faint) {
    found.push(`contrast ${contrast.toFixed(2)} of ${key}: ${words}`);
  }
  return found;
};

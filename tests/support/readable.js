// What somebody cannot read on the page as it stands: text with too little contrast (WCAG 2.2, 1.4.3),
// marks of charts with too little (1.4.11), and marks of Markdown that no element turned into type.
() => {
  const LARGE_PX = 24, LARGE_BOLD_PX = 18.66
  const pen = Object.assign(document.createElement('canvas'), { width: 1, height: 1 })
    .getContext('2d', { willReadFrequently: true })
  const known = new Map()
  // Any CSS colour as red, green, blue, alpha.
  const colour = css => {
    if (!known.has(css)) {
      pen.clearRect(0, 0, 1, 1)
      pen.fillStyle = css
      pen.fillRect(0, 0, 1, 1)
      const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data
      known.set(css, [r, g, b, a / 255])
    }
    return known.get(css)
  }
  const over = ([r, g, b, a], under) =>
    [r, g, b].map((one, i) => one * a + under[i] * (1 - a))
  const luminance = rgb => {
    const [r, g, b] = rgb.map(one => one / 255)
      .map(one => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const ratio = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((x, y) => x - y)
    return (high + 0.05) / (low + 0.05)
  }
  const parent = element => element.assignedSlot || element.parentElement ||
    (element.getRootNode() instanceof ShadowRoot ? element.getRootNode().host : null)
  const up = function* (element) {
    for (let one = element; one; one = parent(one)) yield one
  }
  // The ancestors that lie behind a text. A slider's number belongs to its thumb but stands above
  // it; what scrolls lies behind all that it holds, also behind what is out of view.
  const grounds = function* (element, box) {
    const x = box.left + box.width / 2, y = box.top + box.height / 2
    let hasScroller = false
    for (const one of up(element)) {
      hasScroller ||= getComputedStyle(one).overflowY !== 'visible'
      const own = one.getBoundingClientRect()
      if (hasScroller || (x >= own.left && x <= own.right && y >= own.top && y <= own.bottom))
        yield one
    }
  }
  // Of SVG text inside a shape, the shape; else what the ancestors paint, from the outermost in.
  const shapeAround = element => {
    const group = element instanceof SVGElement && element.closest('g.slice, g.point')
    const shape = group && group.querySelector('path')
    return shape && getComputedStyle(shape).fill !== 'none' ? getComputedStyle(shape).fill : null
  }
  const behind = (element, box) => {
    const painted = [...grounds(element, box)].map(one => getComputedStyle(one))
      .map(style => [...colour(style.backgroundColor).slice(0, 3),
        colour(style.backgroundColor)[3] * Number(style.opacity)])
    const ground = painted.reverse().reduce((under, one) => over(one, under), [255, 255, 255])
    const shape = shapeAround(element)
    return shape ? over(colour(shape), ground) : ground
  }
  const opacity = element => [...up(element)]
    .reduce((product, one) => product * Number(getComputedStyle(one).opacity), 1)
  const isExempt = element => [...up(element)].some(one =>
    one.matches('[disabled], [aria-disabled="true"], [aria-hidden="true"], canvas, style, script, noscript, title'))
  const isSeen = (element, range) => {
    const style = getComputedStyle(element)
    if (style.visibility !== 'visible' || !element.checkVisibility({ opacityProperty: true })) return false
    return [...range.getClientRects()].some(box => box.width > 1 && box.height > 1)
  }
  const texts = function* (root) {
    for (const node of root.querySelectorAll('*')) {
      if (node.shadowRoot) yield* texts(node.shadowRoot)
      for (const text of node.childNodes)
        if (text.nodeType === Node.TEXT_NODE && text.data.trim()) yield [node, text]
    }
  }
  const faint = [], marks = []
  for (const [element, text] of texts(document.body)) {
    const range = document.createRange()
    range.selectNodeContents(text)
    if (isExempt(element) || !isSeen(element, range)) continue
    const style = getComputedStyle(element), size = parseFloat(style.fontSize)
    const isIcon = /Material|Icons/.test(style.fontFamily)
    const isLarge = size >= LARGE_PX || (size >= LARGE_BOLD_PX && Number(style.fontWeight) >= 700)
    const ink = colour(element instanceof SVGElement ? style.fill : style.color)
    const alpha = ink[3] * opacity(element) *
      (element instanceof SVGElement ? Number(style.fillOpacity) : 1)
    if (alpha < 0.05) continue  // shown when one points at it, or still fading
    const ground = behind(element, range.getBoundingClientRect())
    const found = ratio(over([...ink.slice(0, 3), alpha], ground), ground)
    const where = element.closest('[data-testid]')?.dataset.testid || element.tagName
    if (found < (isLarge || isIcon ? 3 : 4.5) - 0.005)
      faint.push(`${found.toFixed(2)}:1 ${where} “${text.data.trim().slice(0, 50)}”`)
    if (text.data.includes('`') && !element.closest('pre, code, [data-verbatim]'))
      marks.push(`${where} “${text.data.trim().slice(0, 90)}”`)
  }
  // A mark is seen by its area or by its outline, or has its name in it; grids and axes are none.
  const MARKS = '.points path, .lines path, .errorbars path, .shapelayer path, .fills path'
  for (const mark of document.querySelectorAll(`.js-plotly-plot :is(${MARKS})`)) {
    const box = mark.getBoundingClientRect(), style = getComputedStyle(mark)
    if (!mark.checkVisibility() || !(box.width || box.height)) continue
    if (mark.parentElement.querySelector(':scope > text')) continue
    const outline = mark.closest('.trace')?.querySelector('path.js-line')
    const paints = [[style.fill, style.fillOpacity], [style.stroke, style.strokeOpacity],
      ...(mark.matches('.js-fill') && outline
        ? [[getComputedStyle(outline).stroke, getComputedStyle(outline).strokeOpacity]] : [])]
    const ground = behind(mark, box)
    const ratios = paints.filter(([paint]) => paint !== 'none').map(([paint, opaque]) => {
      const [r, g, b, a] = colour(paint)
      return ratio(over([r, g, b, a * opaque * opacity(mark)], ground), ground)
    })
    if (ratios.length && Math.max(...ratios) > 1.02 && Math.max(...ratios) < 2.995)
      faint.push(`${Math.max(...ratios).toFixed(2)}:1 a chart's mark`)
  }
  for (const field of document.querySelectorAll('[placeholder]'))
    if (field.placeholder.includes('`')) marks.push(`placeholder “${field.placeholder}”`)
  return { faint: [...new Set(faint)], marks: [...new Set(marks)] }
}

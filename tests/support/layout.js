// What is laid out wrongly on the page, as sentences: of charts, names of the axes, ticks, legends
// and lines that Plotly leaves out for lack of room, that are cut by the chart's edge or lie on each
// other; of the page, commands in sentences that are broken, and buttons and links that something
// else lies on.
() => {
  const found = []
  const main = document.querySelector('[data-testid=stMain]')
  // What is written into a box of a tree stands there only if it fits.
  const isInBox = (text) => text.closest('.bars, .points') !== null
  for (const chart of main.querySelectorAll('.js-plotly-plot')) {
    if (!chart.checkVisibility()) continue
    const frame = chart.getBoundingClientRect()
    const drawn = []
    for (const text of chart.querySelectorAll('svg text')) {
      const said = text.textContent.trim()
      if (!said || isInBox(text)) continue
      if (!text.checkVisibility({ opacityProperty: true, visibilityProperty: true })) {
        found.push(`left out: ${said}`)
        continue
      }
      const box = text.getBoundingClientRect()
      const beyond = Math.max(frame.left - box.left, box.right - frame.right,
        frame.top - box.top, box.bottom - frame.bottom)
      if (beyond > 1) found.push(`cut by ${Math.round(beyond)} pixels: ${said}`)
      for (const other of drawn) {
        const across = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left)
        const along = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top)
        if (across > 1 && along > 3) found.push(`on each other: ${other.said}, ${said}`)
      }
      drawn.push({ said, box })
    }
  }
  for (const code of main.querySelectorAll('p code, li code')) {
    if (code.getClientRects().length > 1) found.push(`on two lines: ${code.textContent}`)
  }
  for (const one of main.querySelectorAll('button, a[href]')) {
    if (!one.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue
    // Some appear while the pointer is near, such as the copy button of code.
    const said = one.innerText.trim()
    if (!said) continue
    one.scrollIntoView({ block: 'center' })
    const box = one.getBoundingClientRect()
    const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2)
    if (!one.contains(top)) found.push(`covered: ${said}`)
  }
  return found
}

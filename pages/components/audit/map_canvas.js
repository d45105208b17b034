// The map: documents as points on a canvas. Click, lasso or box report what was chosen; hover shows
// a document. Text of documents reaches the page through textContent and fillText only.

const POOL_GREY = [139, 146, 154]
const CLICK_DISTANCE = 10

const bytes = text => Uint8Array.from(atob(text), sign => sign.charCodeAt(0))
const floats = text => new Float32Array(bytes(text).buffer)
const views = new WeakMap()

export default function ({ parentElement, data, setTriggerValue }) {
  let view = views.get(parentElement)
  if (!view) {
    view = newView(parentElement)
    views.set(parentElement, view)
  }
  view.report = (kind, value) => setTriggerValue('chosen', { kind, value })
  view.show(data)
  return () => view.leave()
}

function newView(root) {
  const box = root.querySelector('.map')
  const [base, top] = box.querySelectorAll('canvas')
  const tip = box.querySelector('.tip')
  const view = { mode: 'lasso', zoom: null, path: null, moved: false, panels: [] }
  let data = null, layers = [], scheduled = false

  view.show = given => {
    data = given
    layers = data.panels.map(panel => [
      ...(data.reference ? [layer('reference', data.reference)] : []),
      layer('document', panel),
    ])
    view.pool = layer('document', data.pool)
    if (!view.zoom || view.bounds !== JSON.stringify(data.bounds)) {
      view.bounds = JSON.stringify(data.bounds)
      view.zoom = [...data.bounds]
    }
    top.setAttribute('aria-label', data.alt)
    legend(box.querySelector('.legend'), data.legend)
    redraw()
  }

  const layer = (kind, rows) => ({ kind, rows, xy: floats(rows.xy) })

  // --- geometry: panels share one view of the map -------------------------------------------------
  const arrange = () => {
    const width = box.clientWidth, height = base.clientHeight, n = data.panels.length
    const isWide = width / n > 340
    view.panels = data.panels.map((_, i) => isWide
      ? { x: (i * width) / n, y: 0, w: width / n - (n > 1 ? 6 : 0), h: height }
      : { x: 0, y: (i * height) / n, w: width, h: height / n - (n > 1 ? 6 : 0) })
  }
  const toScreen = (panel, x, y) => {
    const [left, bottom, right, up] = view.zoom
    return [panel.x + ((x - left) / (right - left)) * panel.w,
      panel.y + ((up - y) / (up - bottom)) * panel.h]
  }
  const toMap = (panel, sx, sy) => {
    const [left, bottom, right, up] = view.zoom
    return [left + ((sx - panel.x) / panel.w) * (right - left),
      up - ((sy - panel.y) / panel.h) * (up - bottom)]
  }
  const panelAt = (sx, sy) => view.panels.find(
    p => sx >= p.x && sx <= p.x + p.w && sy >= p.y && sy <= p.y + p.h)

  // --- drawing ------------------------------------------------------------------------------------
  const redraw = () => {
    if (scheduled) return
    scheduled = true
    requestAnimationFrame(() => { scheduled = false; draw() })
  }
  const fit = canvas => {
    const ratio = window.devicePixelRatio || 1
    const w = Math.round(canvas.clientWidth * ratio), h = Math.round(canvas.clientHeight * ratio)
    if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h }
    const pen = canvas.getContext('2d')
    pen.setTransform(ratio, 0, 0, ratio, 0, 0)
    pen.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight)
    return pen
  }
  const draw = () => {
    if (!data || !box.clientWidth) return
    arrange()
    const style = getComputedStyle(box)
    const ink = style.color, paper = style.getPropertyValue('--st-background-color') || '#fff'
    const pen = fit(base)
    view.panels.forEach((panel, i) => {
      pen.save()
      pen.beginPath()
      pen.rect(panel.x, panel.y, panel.w, panel.h)
      pen.clip()
      if (data.density) drawDensity(pen, panel)
      drawPool(pen, panel, paper)
      for (const one of layers[i]) drawMarks(pen, panel, one, ink)
      drawNames(pen, panel, ink, paper)
      if (data.panels.length > 1) written(pen, data.panels[i].title, panel.x + 8, panel.y + 16,
        '600 13px', ink, paper, 'left')
      pen.restore()
      pen.strokeStyle = style.getPropertyValue('--st-border-color') || 'rgba(139,146,154,.4)'
      pen.strokeRect(panel.x + 0.5, panel.y + 0.5, panel.w - 1, panel.h - 1)
    })
    drawTop()
  }
  const drawDensity = (pen, panel) => {
    const { nx, ny, counts, x0, y0, dx, dy } = data.density
    const most = Math.max(...counts)
    for (let i = 0; i < nx; i++) for (let j = 0; j < ny; j++) {
      const n = counts[i * ny + j]
      if (!n) continue
      const [sx, sy] = toScreen(panel, x0 + i * dx, y0 + (j + 1) * dy)
      const [ex, ey] = toScreen(panel, x0 + (i + 1) * dx, y0 + j * dy)
      pen.fillStyle = `rgba(${POOL_GREY},${(0.08 + 0.55 * Math.sqrt(n / most)) *
        (data.is_filtered ? 0.5 : 1)})`
      pen.fillRect(sx, sy, ex - sx + 0.5, ey - sy + 0.5)
    }
  }
  const drawPool = (pen, panel, paper) => {
    const { xy, rows } = view.pool, n = xy.length / 2
    const size = n > 8000 ? 2 : n > 2000 ? 2.6 : 3.6
    // As faint as 3:1 contrast with the page allows, if nothing is searched: marks lie above them.
    pen.fillStyle = paper
    const isDark = parseInt(pen.fillStyle.slice(1, 3), 16) < 128
    const seen = isDark && !data.is_filtered && !rows.colour ? 0.65 : 1
    // Documents that do not match first, under those that do.
    for (const wanted of [0, 1]) {
      for (let i = 0; i < n; i++) {
        if ((rows.match ? rows.match[i] : 1) !== wanted) continue
        const [sx, sy] = toScreen(panel, xy[2 * i], xy[2 * i + 1])
        if (sx < panel.x || sy < panel.y || sx > panel.x + panel.w || sy > panel.y + panel.h) continue
        const code = rows.colour ? rows.colour[i] : -1
        pen.globalAlpha = wanted ? seen : 0.14
        pen.fillStyle = code >= 0 ? data.colours[code] : `rgb(${POOL_GREY})`
        const s = data.is_filtered && wanted ? size + 1.4 : size
        pen.fillRect(sx - s / 2, sy - s / 2, s, s)
      }
    }
    pen.globalAlpha = 1
  }
  const drawMarks = (pen, panel, { xy, rows, kind }, ink) => {
    const n = xy.length / 2, size = kind === 'reference' ? 3 : n < 400 ? 4.5 : 3.2
    pen.lineWidth = 1.4
    for (let i = 0; i < n; i++) {
      const [sx, sy] = toScreen(panel, xy[2 * i], xy[2 * i + 1])
      pen.globalAlpha = rows.match && !rows.match[i] ? 0.12 : kind === 'reference' ? 0.75 : 0.95
      const code = rows.colour ? rows.colour[i] : -1
      pen.fillStyle = pen.strokeStyle = code >= 0 ? data.colours[code] : ink
      mark(pen, rows.shape ? data.shapes[rows.shape[i]] : 'x', sx, sy, size)
    }
    pen.globalAlpha = 1
  }
  const drawNames = (pen, panel, ink, paper) => {
    const taken = []
    for (const { x, y, name } of data.regions) {
      const [sx, sy] = toScreen(panel, x, y)
      pen.font = `600 12px ${getComputedStyle(box).fontFamily}`
      const half = pen.measureText(name).width / 2 + 3
      const at = Math.min(Math.max(sx, panel.x + half), panel.x + panel.w - half)
      // A name that would lie on another is left out until one zooms in.
      if (sy < panel.y + 24 || sy > panel.y + panel.h || sx < panel.x || sx > panel.x + panel.w ||
          taken.some(([u, v, w]) => Math.abs(u - at) < w + half && Math.abs(v - sy) < 18)) continue
      taken.push([at, sy, half])
      written(pen, name, at, sy, '600 12px', ink, paper, 'center')
    }
  }
  const written = (pen, text, x, y, font, ink, paper, align) => {
    pen.font = `${font} ${getComputedStyle(box).fontFamily}`
    pen.textAlign = align
    pen.lineJoin = 'round'
    pen.lineWidth = 4
    pen.strokeStyle = paper
    pen.strokeText(text, x, y)
    pen.fillStyle = ink
    pen.fillText(text, x, y)
  }
  // What changes with the pointer lies on a canvas of its own, so that points are drawn once.
  const drawTop = () => {
    const pen = fit(top), ink = getComputedStyle(box).color
    for (const panel of view.panels) {
      pen.save()
      pen.beginPath()
      pen.rect(panel.x, panel.y, panel.w, panel.h)
      pen.clip()
      if (data.area) outline(pen, data.area.map(([x, y]) => toScreen(panel, x, y)), ink, true)
      for (const [x, y] of data.open) ring(pen, toScreen(panel, x, y), ink)
      if (view.near && view.near.panel === panel) ring(pen, [view.near.sx, view.near.sy], ink, 6)
      pen.restore()
    }
    if (view.path) outline(pen, view.path, ink, view.mode === 'box')
  }

  // --- pointer ------------------------------------------------------------------------------------
  const nearest = (sx, sy) => {
    const panel = panelAt(sx, sy)
    if (!panel) return null
    let best = null, least = CLICK_DISTANCE ** 2
    for (const one of [view.pool, ...layers[view.panels.indexOf(panel)]]) {
      const n = one.xy.length / 2
      for (let i = 0; i < n; i++) {
        if (data.is_filtered && one.rows.match && !one.rows.match[i]) continue
        const [x, y] = toScreen(panel, one.xy[2 * i], one.xy[2 * i + 1])
        const away = (x - sx) ** 2 + (y - sy) ** 2
        // Of a selected document and its own point in the pool, the former, which comes later.
        if (away <= least) { least = away; best = { ...one, i, panel, sx: x, sy: y } }
      }
    }
    return best
  }
  const at = event => {
    const { left, top: above } = base.getBoundingClientRect()
    return [event.clientX - left, event.clientY - above]
  }
  const zoomBy = (factor, sx, sy) => {
    const panel = panelAt(sx, sy) || view.panels[0]
    const [x, y] = toMap(panel, sx, sy), [left, bottom, right, up] = view.zoom
    view.zoom = [x + (left - x) * factor, y + (bottom - y) * factor,
      x + (right - x) * factor, y + (up - y) * factor]
    redraw()
  }
  const boxAround = ([[ax, ay], [bx, by]]) => [[ax, ay], [bx, ay], [bx, by], [ax, by]]

  top.onpointerdown = event => {
    if (event.button) return
    view.isUsed = true
    top.setPointerCapture(event.pointerId)
    const [x, y] = at(event)
    view.start = { x, y, panel: panelAt(x, y), zoom: [...view.zoom], points: [[x, y]] }
    hideTip()
  }
  top.onpointermove = event => {
    const [x, y] = at(event), start = view.start
    if (!start || !start.panel) return hover(x, y)
    if (Math.hypot(x - start.x, y - start.y) > 4) view.moved = true
    if (!view.moved) return
    if (view.mode === 'move') {
      const [left, bottom, right, up] = start.zoom
      const dx = ((x - start.x) / start.panel.w) * (right - left)
      const dy = ((y - start.y) / start.panel.h) * (up - bottom)
      view.zoom = [left - dx, bottom + dy, right - dx, up + dy]
      return redraw()
    }
    start.points.push([x, y])
    view.path = view.mode === 'box' ? boxAround([start.points[0], [x, y]]) : start.points
    drawTop()
  }
  top.onpointerup = event => {
    const start = view.start, path = view.path, [x, y] = at(event)
    const isClick = start && !view.moved
    view.start = view.path = null
    view.moved = false
    if (isClick) {
      const found = nearest(x, y)
      if (found) view.report(found.kind, found.rows.id[found.i])
    } else if (path && path.length > 2) {
      const around = path.map(([u, v]) => toMap(start.panel, u, v))
      data.area = around
      view.report('area', around)
    }
    drawTop()
  }
  top.onpointercancel = () => { view.start = view.path = null; view.moved = false; drawTop() }
  top.onpointerleave = () => { view.isUsed = false; view.near = null; hideTip(); drawTop() }
  top.ondblclick = () => { view.zoom = [...data.bounds]; redraw() }
  // Without a key the wheel scrolls the page, until one has clicked into the map.
  top.onwheel = event => {
    if (!event.ctrlKey && !event.metaKey && !view.isUsed) return
    event.preventDefault()
    zoomBy(Math.exp(event.deltaY / 500), ...at(event))
  }
  const hideTip = () => { tip.style.display = 'none' }
  const hover = (x, y) => {
    const found = view.near = nearest(x, y)
    top.style.cursor = found ? 'pointer' : view.mode === 'move' ? 'grab' : 'crosshair'
    drawTop()
    if (!found) return hideTip()
    const { rows, i } = found
    tip.querySelector('.text').textContent = rows.text[i]
    tip.querySelector('.about').textContent = rows.about[i]
    tip.style.display = 'block'
    tip.style.left = `${Math.min(x + 14, box.clientWidth - tip.offsetWidth - 4)}px`
    tip.style.top = `${y + 18 + tip.offsetHeight > base.clientHeight
      ? Math.max(0, y - tip.offsetHeight - 12) : y + 18}px`
  }

  // --- buttons ------------------------------------------------------------------------------------
  for (const button of box.querySelectorAll('button')) {
    button.onclick = () => {
      const what = button.dataset.do, middle = [view.panels[0].w / 2, view.panels[0].h / 2]
      if (what === 'in') zoomBy(1 / 1.5, ...middle)
      else if (what === 'out') zoomBy(1.5, ...middle)
      else if (what === 'whole') { view.zoom = [...data.bounds]; redraw() }
      else if (what === 'picture') picture(base, box)
      else {
        view.mode = what
        for (const one of box.querySelectorAll('[aria-pressed]'))
          one.setAttribute('aria-pressed', String(one === button))
      }
    }
  }
  const resized = new ResizeObserver(redraw)
  resized.observe(box)
  view.leave = () => {}
  return view
}

// Corners of filled marks, in units of the radius.
const CORNERS = {
  diamond: [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]],
  'triangle-up': [[0, -1.2], [1.1, 1], [-1.1, 1]],
  'triangle-down': [[0, 1.2], [1.1, -1], [-1.1, -1]],
  hexagon: [[-0.55, -1], [0.55, -1], [1.1, 0], [0.55, 1], [-0.55, 1], [-1.1, 0]],
  star: [...Array(10)].map((_, i) => {
    const reach = i % 2 ? 0.55 : 1.3
    return [reach * Math.sin((i * Math.PI) / 5), -reach * Math.cos((i * Math.PI) / 5)]
  }),
}
// Ends of lines through the middle.
const STROKES = { x: [[1, 1], [1, -1]], cross: [[1, 0], [0, 1]] }

function mark(pen, shape, x, y, r) {
  const kind = shape.replace(/-open$/, '')
  pen.beginPath()
  if (kind in STROKES) {
    for (const [u, v] of STROKES[kind]) {
      pen.moveTo(x - r * u, y - r * v)
      pen.lineTo(x + r * u, y + r * v)
    }
    return pen.stroke()
  }
  if (kind === 'circle') pen.arc(x, y, r, 0, 2 * Math.PI)
  else if (kind === 'square') pen.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8)
  else corners(pen, CORNERS[kind].map(([u, v]) => [x + r * u, y + r * v]))
  return shape.endsWith('-open') ? pen.stroke() : pen.fill()
}

function corners(pen, places) {
  places.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)))
  pen.closePath()
}

function outline(pen, places, ink, isClosed) {
  pen.beginPath()
  places.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)))
  if (isClosed) pen.closePath()
  pen.globalAlpha = 0.07
  pen.fillStyle = ink
  pen.fill()
  pen.globalAlpha = 0.9
  pen.lineWidth = 1.5
  pen.setLineDash([5, 4])
  pen.strokeStyle = ink
  pen.stroke()
  pen.setLineDash([])
  pen.globalAlpha = 1
}

function ring(pen, [x, y], ink, r = 9) {
  pen.beginPath()
  pen.arc(x, y, r, 0, 2 * Math.PI)
  pen.lineWidth = 2
  pen.strokeStyle = ink
  pen.stroke()
}

function legend(place, entries) {
  place.replaceChildren(...entries.map(({ name, colour, shape }) => {
    const entry = document.createElement('span'), sign = document.createElement('canvas')
    sign.width = sign.height = 28
    sign.style.cssText = 'width:14px;height:14px'
    const pen = sign.getContext('2d')
    pen.scale(2, 2)
    pen.lineWidth = 1.5
    pen.fillStyle = pen.strokeStyle = colour || getComputedStyle(place).color
    mark(pen, shape, 7, 7, 4.2)
    entry.append(sign, document.createTextNode(name))
    return entry
  }))
}

function picture(canvas, box) {
  const copy = document.createElement('canvas')
  copy.width = canvas.width
  copy.height = canvas.height
  const pen = copy.getContext('2d')
  pen.fillStyle = getComputedStyle(box).getPropertyValue('--st-background-color') || '#fff'
  pen.fillRect(0, 0, copy.width, copy.height)
  pen.drawImage(canvas, 0, 0)
  copy.toBlob(blob => {
    const link = document.createElement('a')
    link.href = URL.createObjectURL(blob)
    link.download = 'map.png'
    link.click()
    URL.revokeObjectURL(link.href)
  })
}

// What Streamlit leaves to the page in the browser itself.

export default function ({ setTriggerValue }) {
  keepHistoryShort()
  // The server chooses colours of charts by the theme and doesn't hear of another one, which
  // Streamlit takes on at the same event.
  const theme = matchMedia('(prefers-color-scheme: dark)')
  const report = () => setTimeout(() => setTriggerValue('theme', theme.matches))
  theme.addEventListener('change', report)
  return () => theme.removeEventListener('change', report)
}

// What somebody does makes one entry at most. Streamlit makes two of a link to another page: first
// it takes the filters of this page out of this page's address, and Back would lead there.
function keepHistoryShort() {
  if (history.isShort) return
  history.isShort = true
  const push = history.pushState
  let isNew = false
  for (const kind of ['pointerdown', 'keydown', 'click'])
    addEventListener(kind, () => { isNew = true }, { capture: true, passive: true })
  history.pushState = (...entry) => {
    if (isElsewhere(entry[2])) showBegin()
    if (isNew) push.apply(history, entry)
    else history.replaceState(...entry)
    isNew = false
  }
}

// Streamlit shows another page from where the one before was scrolled to.
function showBegin() {
  document.querySelector('[data-testid=stMain]')?.scrollTo(0, 0)
}

function isElsewhere(address) {
  return new URL(address ?? location.href, location.href).pathname !== location.pathname
}

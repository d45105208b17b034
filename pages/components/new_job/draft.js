// Keeps what the forms hold in this tab, and gives it back once to a session that just began.
export default function ({ data, setTriggerValue }) {
  const name = `assay: new job ${data.owner}`
  if (data.values) sessionStorage.setItem(name, JSON.stringify(data.values))
  else setTriggerValue('found', sessionStorage.getItem(name) ?? '{}')
}

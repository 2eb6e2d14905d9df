// Which share of the XML tags in a sampled text closes: the measure of nesting that a sample of Wikipedia is judged by.

/**
 * A closing tag closes the nearest open one of its name and gives up those opened in between.
 * @param {string} text
 * @returns {{ closed: number, opened: number, strays: number }} opened: tags that open and are not of the form <a/>;
 *   closed: those that close; strays: closing tags without an opening one.
 */
export function countTags(text) {
  const open = []
  let closed = 0
  let opened = 0
  let strays = 0
  for (const [, slash, name, rest] of text.matchAll(/<(\/?)([A-Za-z][\w:-]*)([^<>]*)>/g)) {
    if (slash === '' && rest.trimEnd().endsWith('/')) continue
    if (slash === '') {
      opened++
      open.push(name)
      continue
    }
    const at = open.lastIndexOf(name)
    if (at === -1) strays++
    else {
      closed++
      open.length = at
    }
  }
  return { closed, opened, strays }
}

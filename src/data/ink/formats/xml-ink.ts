// Ink in XML: the root element decides whether it is InkML or a session of the IAM On-Line Handwriting Database.

import type { InkDraft } from '../strokes.js'
import { IAM_ELEMENTS, IAM_ROOT, iamCompanions, iamInk, iamText } from './iam.js'
import { INKML_ELEMENTS, inkmlSamples } from './inkml.js'
import { inkFormatError, excerpt, type InkParser, type InkParserOptions } from './parser.js'
import { xmlTree, type XmlElement } from './xml.js'

/** Returns a parser of one file of XML. */
export function xmlInkParser({ name, yDown }: InkParserOptions): InkParser {
  let rootName = ''
  let text: string | null = null
  const tree = xmlTree(name, (element) => {
    if (rootName === '') {
      rootName = element
      if (element === 'ink' || element === IAM_ROOT) return true
      const remedy = 'convert it to InkML, or to stroke JSON'
      throw inkFormatError(name, `an <ink> element or a <${IAM_ROOT}>`, excerpt(`<${element}>`), remedy)
    }
    return (rootName === 'ink' ? INKML_ELEMENTS : IAM_ELEMENTS).has(element)
  })
  const samples = (root: XmlElement): Iterable<InkDraft> =>
    root.name === 'ink' ? inkmlSamples(root, name, yDown) : [() => iamInk(root, { name, text, yDown })]
  return {
    write(piece) {
      tree.write(piece)
      return []
    },
    *end() {
      yield* samples(tree.end())
    },
    get companions() {
      return rootName === IAM_ROOT ? iamCompanions(name) : []
    },
    accompany(content, companion) {
      text = iamText(content, companion, name)
    }
  }
}

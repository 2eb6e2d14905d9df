// The files of NLVR in the folder of the data sets.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { isTowers } from './drawn.mjs'

/** @typedef {import('./scenes.mjs').Scene} Scene */
/** @typedef {{id: string, group: string, text: string, label: boolean, scene: Scene}} Statement group: a sentence as shown with up to four scenes */
/** @typedef {{id: string, group: string, caption: string, scene: Scene, images: string[]}} Captioned */

const folder = (root) => join(root, 'captioning', 'nlvr-true')

const linesOf = (root, name) =>
  gunzipSync(readFileSync(join(folder(root), `${name}.ndjson.gz`)))
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

const groupOf = (id) => id.slice(0, id.lastIndexOf('-'))

/** The captioned scenes of a part. @param {string} root @param {'train' | 'valid'} part @returns {Captioned[]} */
export const captionedScenes = (root, part) => linesOf(root, part).map((one) => ({ ...one, group: groupOf(one.id) }))

/** All statements, true and false. @param {string} root @returns {Statement[]} */
export const statements = (root) =>
  linesOf(root, 'all-statements').map(({ split, id, sentence, label, scene }) => ({
    id: `${split}-${id}`,
    group: groupOf(`${split}-${id}`),
    text: sentence,
    label,
    scene
  }))

/** The archive of the pictures of a part. @param {string} root @param {'train' | 'valid'} part */
export const archiveOf = (root, part) => readFileSync(join(folder(root), `${part}-images.tar`))

/** 'towers' or 'scattered'. @param {Scene} scene */
export const kindOf = (scene) => (isTowers(scene) ? 'towers' : 'scattered')

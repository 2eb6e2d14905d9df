// Settings, declared once: see setting.ts.

export { flagOf } from './flag.js'
export {
  defaultsOf,
  givenCheck,
  givenFields,
  isSetting,
  settingsOf,
  setAt,
  valueAt,
  valuesCheck,
  withDefaults
} from './group.js'
export type { Given, Group, Values } from './group.js'
export { jsonSchema } from './json-schema.js'
export { MAX_COUNT, MAX_SIZE, setting } from './setting.js'
export type { Bounds, SettingFlag, SettingSpec } from './setting.js'
export { checkFromReader, configToJson, readStored } from './stored.js'
export { defaultWords, settingsTable } from './table.js'

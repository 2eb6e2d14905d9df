// Settings, declared once: see setting.ts.

export type { Content } from './content.js'
export { field } from './field.js'
export { flagOf } from './flag.js'
export {
  defaultsOf,
  exactCheck,
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
export { jsonSchema, recordSchema } from './json-schema.js'
export { MAX_COUNT, MAX_SIZE, setting } from './setting.js'
export type { Bounds, SettingFlag, SettingSpec } from './spec.js'
export { checkFromReader, configToJson, readStored } from './stored.js'
export { defaultWords, settingsTable } from './table.js'

// All recipes.
import type { AnyRecipe } from './recipe.js'
import { captionRecipes } from './recipes-captions.js'
import { dataRecipes } from './recipes-data.js'
import { engineRecipes } from './recipes-engine.js'
import { fileRecipes } from './recipes-files.js'
import { forecastRecipes } from './recipes-forecast.js'
import { graphRecipes } from './recipes-graph.js'
import { httpRecipes } from './recipes-http.js'
import { interopRecipes } from './recipes-interop.js'
import { sampleRecipes } from './recipes-sample.js'
import { sequenceRecipes } from './recipes-sequences.js'
import { servingRecipes } from './recipes-serving.js'
import { taskRecipes } from './recipes-tasks.js'
import { trainRecipes } from './recipes-train.js'

export const recipes: AnyRecipe[] = [
  ...graphRecipes,
  ...engineRecipes,
  ...trainRecipes,
  ...sampleRecipes,
  ...dataRecipes,
  ...fileRecipes,
  ...captionRecipes,
  ...taskRecipes,
  ...forecastRecipes,
  ...sequenceRecipes,
  ...servingRecipes,
  ...httpRecipes,
  ...interopRecipes
]

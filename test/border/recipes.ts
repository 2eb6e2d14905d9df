// All recipes.
import type { AnyRecipe } from './recipe.js'
import { dataRecipes } from './recipes-data.js'
import { engineRecipes } from './recipes-engine.js'
import { graphRecipes } from './recipes-graph.js'
import { sampleRecipes } from './recipes-sample.js'
import { taskRecipes } from './recipes-tasks.js'

export const recipes: AnyRecipe[] = [
  ...graphRecipes,
  ...engineRecipes,
  ...sampleRecipes,
  ...dataRecipes,
  ...taskRecipes
]

/** Recipes that the test runs: those of folders whose functions check every argument. */
export const checked: AnyRecipe[] = graphRecipes

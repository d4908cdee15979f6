/** Turns the generated OpenAPI types into the names that the page uses; the service is their only source. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Models = Schemas["Models"];
export type Model = Schemas["ModelDescription"];
export type RefusedVersion = Schemas["RefusedVersion"];
export type Layers = Schemas["Layers"];
export type Layer = Schemas["Layer"];
export type Samples = Schemas["Samples"];
export type SamplePicture = Schemas["SamplePicture"];
export type Predictions = Schemas["Predictions"];
export type KeptPicture = Schemas["KeptPicture"];
export type Prediction = Schemas["Prediction"];
export type Problem = Schemas["Problem"];

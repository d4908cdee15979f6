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
export type Trace = Schemas["ServedTrace"];
export type Terms = Trace["terms"];
export type Source = Schemas["Source"];
export type Contribution = Schemas["Contribution"];
export type Attribution = Schemas["AttributionMap"];
export type Exemplars = Schemas["ChannelExemplars"];
export type ExemplarLayers = Schemas["ExemplarLayers"];
export type Dream = Schemas["DreamPicture"];
export type Frame = Schemas["Frame"];
export type Workbench = Schemas["Workbench"];
export type Activations = Schemas["Activations"];
export type LayerStatistics = Schemas["Statistics"];
export type Timings = Schemas["Timings"];
export type Kernels = Schemas["Kernels"];
export type TrainingReport = Schemas["TrainingReport"];
export type ReportPicture = Schemas["ReportPicture"];
export type TestFigures = Schemas["TestFigures"];

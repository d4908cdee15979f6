/** Turns the empty page into the application. */
import { mount } from "svelte";

import App from "./components/App.svelte";
import "./theme.css";

const target = document.getElementById("app");
if (!target) throw new Error("index.html has no #app");
export default mount(App, { target });

import { render } from "preact";
import { App } from "./app";
import { startTheme } from "./parts/theme";
import "./style/base.css";
import "./style/views.css";

startTheme();
render(<App />, document.getElementById("page")!);

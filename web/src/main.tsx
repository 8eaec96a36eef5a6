import { render } from "preact";
import { App } from "./app";
import { startTheme } from "./parts/theme";
import { followTrend } from "./trend/follow";
import "./style/base.css";
import "./style/views.css";

startTheme();
followTrend();
render(<App />, document.getElementById("page")!);

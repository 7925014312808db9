// The program of the desk.
import { render } from "preact";
import "./main.css";

interface Config {
  site: string;
}

const config = JSON.parse(document.querySelector("script[data-desk]")?.textContent ?? "{}") as Config;
const desk = document.getElementById("desk");
if (desk) {
  render(<h1>{config.site}</h1>, desk);
}

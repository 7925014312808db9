// The program of the desk.
import { render } from "preact";
import { begin } from "./program";
import { App } from "./ui/app";
import { listenForKeys } from "./ui/keys";
import { followKeyboard } from "./ui/viewport";
import "./ui/style.css";

async function start(): Promise<void> {
  const desk = document.getElementById("desk");
  if (!desk) return;
  await begin();
  listenForKeys();
  followKeyboard();
  render(<App />, desk);
}

void start();

import { channelID } from "./route";
import { Channels } from "./channels";
import { DeskScreen } from "./deskscreen";
import { Dialogs } from "./dialog";

export function App() {
  const id = channelID.value;
  return (
    <>
      {id ? <DeskScreen key={id} id={id} /> : <Channels />}
      <Dialogs />
    </>
  );
}

import { channelID, onPeople } from "./route";
import { Channels } from "./channels";
import { DeskScreen } from "./deskscreen";
import { Dialogs } from "./dialog";
import { PeopleScreen } from "./people";

export function App() {
  const id = channelID.value;
  return (
    <>
      {id ? <DeskScreen key={id} id={id} /> : onPeople.value ? <PeopleScreen /> : <Channels />}
      <Dialogs />
    </>
  );
}

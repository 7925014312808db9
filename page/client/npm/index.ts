// The entry @motacilla/client: follows a channel without a document. It changes nothing when it is imported.
export { follow, type ChannelOptions, type Follower, type FollowOptions } from "../follow";
export { snapshot, snapshotHTML, type SnapshotOptions } from "../snapshot";
export { here as known } from "../transports/here";
export { Refused, type Session, type Transport } from "../transports/transport";
export { isUpdate, type Held, type Render, type Update } from "../update";
export { View, type OlderQuery } from "../view";
export type { Status } from "../connection";

// The entry @motacilla/client: follows a channel without a document, and uploads images. It changes nothing when it is imported.
export { follow, type ChannelOptions, type Follower, type FollowOptions } from "../follow";
export { snapshot, snapshotHTML, type SnapshotOptions } from "../snapshot";
export { here as known } from "../transports/here";
export { Refused, type Session, type Transport } from "../transports/transport";
export { isUpdate, type Held, type Render, type Update } from "../update";
export { uploadImage, type ImageBlock, type UploadedImage, type UploadOptions } from "../upload";
export { View, type OlderQuery } from "../view";
export type { Status } from "../connection";

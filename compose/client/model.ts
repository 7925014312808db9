// The REST interface's documents, as /api/openapi.json describes them.

export interface TextBlock {
  type: "text";
  value: { text: string }; // HTML, sanitised by the server
}

export interface ImageBlock {
  type: "image";
  value: {
    url?: string;
    alt: string;
    width?: number;
    height?: number;
    media?: string;
    pending?: boolean;
    srcset?: string;
    color?: string;
    /** The key of a file that only this browser has yet. The outbox replaces it before it sends. */
    local?: string;
  };
}

export interface Card {
  provider?: string;
  title?: string;
  summary?: string;
  picture?: string;
  frame?: string;
  width?: number;
  height?: number;
}

export interface EmbedBlock {
  type: "embed";
  value: { url: string; card?: Card };
}

export interface ScoreBlock {
  type: "score";
  value: { home: string; away: string; home_score: string; away_score: string; note: string };
}

export type Block = TextBlock | ImageBlock | EmbedBlock | ScoreBlock;

export interface Channel {
  id: string;
  title: string;
  access: "public" | "private";
  created: string;
  ended: string | null;
  revision: string;
}

export interface Post {
  id: string;
  message_id: string;
  channel: string;
  source: string;
  author: string;
  created: string;
  modified: string;
  show: boolean;
  pinned: boolean;
  key_event: boolean;
  content: Block[];
  revision: string;
}

/** What a post is made of. */
export interface NewPost {
  content: Block[];
  author?: string;
  show?: boolean;
  pinned?: boolean;
  key_event?: boolean;
  created?: string;
}

export type PostPatch = Partial<NewPost>;

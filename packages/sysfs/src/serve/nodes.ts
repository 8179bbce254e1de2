/**
 * The nodes that the kernel knows: an entry of the tree under a number, counted as often as the kernel looked it up, given up
 * when it forgets it. An inode number follows from path and life alone, so that it is the same at each look-up. Belongs to the
 * thread that serves the mount.
 */
import { MediatedError } from '@mediated/core';
import { ROOT_NODE } from '../fuse/protocol.js';
import type { Directory, Entry } from '../tree/entry.js';

/** Where a path stands: two running sums over it. */
interface Place {
  readonly low: number;
  readonly high: number;
}

export interface Node {
  readonly id: number;
  readonly inode: number;
  readonly entry: Entry;
  readonly place: Place;
  readonly parent: Node | undefined;
  readonly name: string;
  readonly children: Map<string, Node>;
  lookups: number;
}

export class Nodes {
  readonly root: Node;
  readonly #nodes = new Map<number, Node>();
  #next = ROOT_NODE + 1;

  constructor(root: Directory) {
    const place = { low: 0x811c9dc5, high: 0x9e3779b1 };
    this.root = {
      id: ROOT_NODE,
      inode: ROOT_NODE,
      entry: root,
      place,
      parent: undefined,
      name: '',
      children: new Map(),
      lookups: 1,
    };
    this.#nodes.set(ROOT_NODE, this.root);
  }

  /** How many nodes the kernel knows. */
  get size(): number {
    return this.#nodes.size;
  }

  /** The node of a number. ESTALE: there is none. */
  get(id: number): Node {
    const node = this.#nodes.get(id);
    if (node !== undefined) return node;
    throw new MediatedError('ESTALE', `there is no node ${id}`);
  }

  /** The directory of a node. ENOTDIR: it is none. */
  directory(id: number): Node & { readonly entry: Directory } {
    const node = this.get(id);
    if (isDirectory(node)) return node;
    throw new MediatedError('ENOTDIR', `node ${id} is no directory`);
  }

  /** The kernel looked up what stands in a directory under a name. The same thing keeps its node. */
  enter(parent: Node, name: string, entry: Entry): Node {
    const known = parent.children.get(name);
    if (known !== undefined && known.entry.type === entry.type && known.entry.life === entry.life) {
      known.lookups++;
      return known;
    }
    const place = placeOf(parent, name, entry);
    const node = {
      id: this.#next++,
      inode: inodeOf(place),
      entry,
      place,
      parent,
      name,
      children: new Map(),
      lookups: 1,
    };
    this.#nodes.set(node.id, node);
    parent.children.set(name, node);
    return node;
  }

  /** The kernel gives up so many look-ups of a node; what it names wrongly does nothing. */
  forget(id: number, lookups: number): void {
    const node = this.#nodes.get(id);
    if (node === undefined || node.parent === undefined) return;
    node.lookups -= lookups;
    if (node.lookups > 0) return;
    this.#nodes.delete(id);
    if (node.parent.children.get(node.name) === node) node.parent.children.delete(node.name);
  }

  /** The inode number of what stands in a directory under a name, known to the kernel or not. */
  inodeBelow(parent: Node, name: string, entry: Entry): number {
    return inodeOf(placeOf(parent, name, entry));
  }
}

function isDirectory(node: Node): node is Node & { readonly entry: Directory } {
  return node.entry.type === 'directory';
}

function placeOf({ place }: Node, name: string, entry: Entry): Place {
  let { low, high } = place;
  const text = `/${name}\0${entry.life}`;
  for (let i = 0; i < text.length; i++) {
    low = Math.imul(low ^ text.charCodeAt(i), 0x01000193);
    high = Math.imul(high ^ text.charCodeAt(i), 0x85ebca6b) ^ (high >>> 13);
  }
  return { low, high };
}

/** 52 bits: a number that JavaScript keeps exactly. Never that of the root. */
function inodeOf({ low, high }: Place): number {
  return (high & 0xfffff) * 2 ** 32 + (low >>> 0) + 2;
}

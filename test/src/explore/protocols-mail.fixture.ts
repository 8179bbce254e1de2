/**
 * Mail between explored threads, in place of the inbox: a slot per asker, and a bell that the thread that serves waits at.
 * Owner rules. STATE: from idle or ANSWERED to ASKED, and to LEFT, by the asker; ASKED to TAKEN to ANSWERED by the server. The
 * other words of a slot belong to the asker while it is idle or ANSWERED, else to the server. BELL: added to by all.
 */

export const QUESTIONS = ['children', 'removeChild', 'create', 'remove', 'open', 'close', 'stop'] as const;
export type Question = (typeof QUESTIONS)[number];

// STATE is 0 while it is idle.
const ASKED = 1;
const TAKEN = 2;
const ANSWERED = 3;
/** Nothing will be asked any more. */
const LEFT = 4;

const STATE = 0;
const QUESTION = 1;
/** 1: the asker asks but once, before anybody runs, and does not wait. */
const ONCE = 2;
const WORDS_OF = 3;
const RESULT = 8;
const LIST = 9;
const SLOT = 24;
const BELL = 0;
const FIRST = 1;

/** A post box: structured-cloneable. */
export type Mail = Int32Array<SharedArrayBuffer>;

/** What a server answers: a number, or a list of triples. */
export type Answer = number | readonly number[];

export function createMail(askers: number): Mail {
  return new Int32Array(new SharedArrayBuffer((FIRST + askers * SLOT) * 4));
}

/** Puts a question in before anybody runs; nobody waits for its answer. */
export function preload(mail: Mail, asker: number, question: Question, words: readonly number[]): void {
  put(mail, asker, question, words);
  mail[FIRST + asker * SLOT + ONCE] = 1;
  mail[FIRST + asker * SLOT + STATE] = ASKED;
}

function put(mail: Mail, asker: number, question: Question, words: readonly number[]): void {
  const at = FIRST + asker * SLOT;
  mail[at + QUESTION] = QUESTIONS.indexOf(question);
  mail.set(words, at + WORDS_OF);
}

/** Asks, and awaits the answer. */
export async function ask(mail: Mail, asker: number, question: Question, ...words: number[]): Promise<Answer> {
  const at = FIRST + asker * SLOT;
  put(mail, asker, question, words);
  Atomics.store(mail, at + STATE, ASKED);
  ring(mail);
  for (let state = Atomics.load(mail, at + STATE); state !== ANSWERED; state = Atomics.load(mail, at + STATE)) {
    const { async, value } = Atomics.waitAsync(mail, at + STATE, state);
    if (async) await value;
  }
  const result = mail[at + RESULT];
  return question === 'children' ? [...mail.subarray(at + LIST, at + LIST + result)] : result;
}

/** The asker leaves. */
export function leave(mail: Mail, asker: number): void {
  Atomics.store(mail, FIRST + asker * SLOT + STATE, LEFT);
  ring(mail);
}

/** Answers until all askers have left. A question that comes while the answer to another is awaited is begun all the same. */
export async function serve(
  mail: Mail,
  askers: number,
  answer: (question: Question, words: Int32Array) => Answer | Promise<Answer>,
): Promise<void> {
  let awaited = 0;
  for (;;) {
    const bell = Atomics.load(mail, BELL);
    let left = 0;
    for (let asker = 0; asker < askers; asker++) {
      const at = FIRST + asker * SLOT;
      const state = Atomics.load(mail, at + STATE);
      if (state === LEFT) left++;
      if (state !== ASKED) continue;
      Atomics.store(mail, at + STATE, TAKEN);
      const given = answer(QUESTIONS[mail[at + QUESTION]], mail.slice(at + WORDS_OF, at + RESULT));
      if (!(given instanceof Promise)) {
        reply(mail, at, given);
        continue;
      }
      awaited++;
      void given.then((late) => {
        awaited--;
        reply(mail, at, late);
      });
    }
    if (left === askers && awaited === 0) return;
    const { async, value } = Atomics.waitAsync(mail, BELL, bell);
    if (async) await value;
  }
}

function reply(mail: Mail, at: number, answer: Answer): void {
  if (typeof answer === 'number') mail[at + RESULT] = answer;
  else {
    mail[at + RESULT] = answer.length;
    mail.set(answer, at + LIST);
  }
  const isLast = mail[at + ONCE] === 1;
  Atomics.store(mail, at + STATE, isLast ? LEFT : ANSWERED);
  if (isLast) ring(mail);
  else Atomics.notify(mail, at + STATE);
}

function ring(mail: Mail): void {
  Atomics.add(mail, BELL, 1);
  Atomics.notify(mail, BELL);
}

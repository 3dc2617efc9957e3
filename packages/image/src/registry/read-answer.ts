import { codeOf, isPassing } from './retry.ts';
import { type HttpResponse, readBody } from './transport.ts';

export interface AnswerOptions {
  readonly send: () => Promise<HttpResponse>;
  /** The most bytes that are read. */
  readonly limit: number;
  /** Waits before the next try; false when there should be none. */
  readonly retry: (failures: number, why: string) => Promise<boolean>;
  /** Why an answer that came whole is not the right one, undefined when it is. The second one is taken as it is: who asked verifies. */
  readonly fault?: ((bytes: Buffer) => string | undefined) | undefined;
}

export interface Answer {
  readonly response: HttpResponse;
  /** The body of an answer with status 200; that of any other is not read. */
  readonly bytes?: Buffer;
}

/** Sends a request and reads its answer to the end. An answer that breaks off, stalls or is spoilt on its way is asked for again. */
export async function readAnswer(options: AnswerOptions): Promise<Answer> {
  let spoilt = false;
  for (let failures = 1; ; failures++) {
    const response = await options.send();
    if (response.status !== 200) return { response };
    try {
      const bytes = await readBody(response, options.limit);
      const fault = spoilt ? undefined : options.fault?.(bytes);
      if (fault === undefined || !(await options.retry(failures, fault))) return { response, bytes };
      spoilt = true;
    } catch (error) {
      const why = `the answer of ${response.url.host} broke off (${codeOf(error)})`;
      if (!isPassing(error, true) || !(await options.retry(failures, why))) throw error;
    }
  }
}

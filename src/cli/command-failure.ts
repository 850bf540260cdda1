/** The exit codes of every command. docs/command-line.md lists them. */
export const EXIT = {
  success: 0,
  failure: 1,
  usage: 2,
  contentRejected: 3,
  notAuthorized: 4,
  budgetExceeded: 5,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The error codes of gateways that have an exit code of their own. All others exit with `failure`. */
const EXIT_OF_CODE: Readonly<Record<string, ExitCode>> = {
  BAD_USER_INPUT: EXIT.usage,
  CONTENT_REJECTED: EXIT.contentRejected,
  UNAUTHENTICATED: EXIT.notAuthorized,
  FORBIDDEN: EXIT.notAuthorized,
  BUDGET_EXCEEDED: EXIT.budgetExceeded,
};

/** Ends a command. Its message says what is wrong and what to do. It is printed once, without a stack. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = EXIT.failure, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** Creates a failure that the caller of the command must mend: a wrong flag, a file that is no image. */
export function usageFailure(message: string): CommandFailure {
  return new CommandFailure(message, EXIT.usage);
}

/** @param code an error code of the gateway, or the code of a generation's failure */
export function exitCodeOf(code: string | undefined): ExitCode {
  return (code !== undefined && EXIT_OF_CODE[code]) || EXIT.failure;
}

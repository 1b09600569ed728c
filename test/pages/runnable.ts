// The fenced blocks of a page that are run: how they are marked, and the script that runs them.
//
//   ```sh run                the whole block is one step
//   ```text output           what the step before it has printed, when it follows; any language
//   ```console run           each line with `$ ` is a step, the lines below it are what it prints
//   <!-- run … -->           a step that readers do not see: what the page takes for granted
//   … status=1               the steps end with that status
//
// In what a step prints `…` stands for any text, also for lines. The steps of a page share one shell, in the root of the repository.

import type { Page } from '../../build/pages/pages.ts'

export interface Step {
  readonly command: string
  readonly line: number
  readonly status: number
  /** Undefined where the page shows none. */
  readonly output: string | undefined
}

export function stepsOf({ lines }: Page): readonly Step[] {
  const steps: Step[] = []
  let open: { readonly info: string; readonly first: number; readonly end: RegExp } | undefined
  lines.forEach((line, index) => {
    if (open === undefined) {
      const [, fence, comment] = /^(?:```(.*)|(<!-- run.*))$/.exec(line) ?? []
      if (fence !== undefined) open = { info: fence, first: index + 1, end: /^```$/ }
      else if (comment !== undefined) open = { info: comment.replace('<!--', 'sh'), first: index + 1, end: /^-->$/ }
    } else if (open.end.test(line)) {
      addBlock(steps, open.info, lines.slice(open.first, index), open.first + 1)
      open = undefined
    }
  })
  return steps
}

function addBlock(steps: Step[], info: string, body: readonly string[], line: number): void {
  const words = info.split(' ')
  const status = Number(/^status=(\d+)$/.exec(words.at(-1) ?? '')?.[1] ?? 0)
  const last = steps.at(-1)
  if (words[1] === 'output' && last) steps[steps.length - 1] = { ...last, output: body.join('\n') }
  else if (words[1] !== 'run') return
  else if (words[0] === 'console') steps.push(...consoleSteps(body, line, status))
  else steps.push({ command: body.join('\n'), line, status, output: undefined })
}

function consoleSteps(body: readonly string[], line: number, status: number): Step[] {
  const starts = body.flatMap((text, index) => (text.startsWith('$ ') ? [index] : []))
  return starts.map((start, index) => ({
    command: (body[start] ?? '').slice(2),
    line: line + start,
    status,
    output: body.slice(start + 1, starts[index + 1]).join('\n'),
  }))
}

/** A script that runs the steps in one shell, each into `N.out` and `N.status` below `dir`, and stops at the first that ends otherwise than it must. */
export function scriptOf(steps: readonly Step[], dir: string): string {
  return steps
    .map(({ command, status }, index) => {
      const record = `echo $? >${dir}/${index}.status`
      return status === 0
        ? `exec >${dir}/${index}.out 2>&1\nset -e\n${command}\n${record}\n`
        : `exec >${dir}/${index}.out 2>&1\nset +e\n${command}\n${record}\n[ "$(cat ${dir}/${index}.status)" = ${status} ] || exit 1\n`
    })
    .join('')
}

/** Whether `actual` is what the page shows, with `…` for any text; blanks at the ends of lines do not count. */
export function matchesOutput(actual: string, shown: string): boolean {
  const pattern = withoutEnds(shown)
    .split('…')
    .map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${pattern.join('[^]*')}$`).test(withoutEnds(actual))
}

function withoutEnds(text: string): string {
  return text.replace(/[ \t]+$/gm, '').trimEnd()
}

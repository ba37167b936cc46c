/**
 * One line at the bottom of the output that shows what is going on, with a moving sign and the time
 * it takes. Where no person looks there is no such line, only what is printed.
 */
import { renderDuration } from './render-amounts.ts'
import type { Terminal } from './terminal.ts'

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const frameMs = 80

export interface StatusLine extends Disposable {
  /** Shows `text` until the next call; its time counts from now on when the text is another. */
  show(text: string): void
  /** Prints a line for good, above the status line. */
  print(line: string): void
}

export function openStatusLine(terminal: Terminal): StatusLine {
  if (!terminal.interactive) {
    return {
      show: () => undefined,
      print: (line) => terminal.print(line),
      [Symbol.dispose]: () => undefined,
    }
  }
  let text = ''
  let since = 0
  let frame = 0
  const clear = (): void => terminal.control('\r\x1b[2K')
  const draw = (): void => {
    if (text === '') return
    const took = performance.now() - since
    const time = took < 1_000 ? '' : `  ${renderDuration(took)}`
    const room = Math.max(20, terminal.columns - 6 - time.length)
    const shown = text.length > room ? `${text.slice(0, room - 1)}…` : text
    const sign = terminal.paint('cyan', frames[frame++ % frames.length] ?? '')
    terminal.control(`\r\x1b[2K  ${sign} ${shown}${terminal.paint('dim', time)}`)
  }
  const timer = setInterval(draw, frameMs)
  // The cursor would blink over the line; every way out of the process shows it again.
  const showCursor = (): void => terminal.control('\r\x1b[2K\x1b[?25h')
  terminal.control('\x1b[?25l')
  process.on('exit', showCursor)
  return {
    show(next) {
      if (next.split(' ')[0] !== text.split(' ')[0]) since = performance.now()
      text = next
      draw()
    },
    print(line) {
      clear()
      terminal.print(line)
      text = ''
    },
    [Symbol.dispose]() {
      clearInterval(timer)
      process.off('exit', showCursor)
      showCursor()
    },
  }
}

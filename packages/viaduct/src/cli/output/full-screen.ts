/**
 * A view that fills the terminal and is drawn again and again: on the alternate screen, without a
 * cursor, restored on every way out. Plain ANSI; it draws over the old frame, so nothing flickers.
 */
import { cutLine } from './cut-line.ts'

export interface FullScreen extends Disposable {
  /** Shows these lines; what does not fit is cut at the bottom and at the right. */
  draw(text: string): void
}

const enter = '\x1b[?1049h\x1b[?25l'
const leave = '\x1b[?25h\x1b[?1049l'

/** @param output A terminal. */
export function openFullScreen(output: NodeJS.WriteStream): FullScreen {
  let last = ''
  const restore = (): void => void output.write(leave)
  const redraw = (): void => void output.write(renderFrame(last, output))
  output.write(enter)
  process.on('exit', restore)
  output.on('resize', redraw)
  return {
    draw(text) {
      last = text
      redraw()
    },
    [Symbol.dispose]() {
      process.off('exit', restore)
      output.off('resize', redraw)
      restore()
    },
  }
}

function renderFrame(text: string, { columns, rows }: { columns: number; rows: number }): string {
  const lines = text.split('\n').slice(0, rows)
  const drawn = lines.map((line) => `${cutLine(line, columns)}\x1b[0m\x1b[K`).join('\r\n')
  return `\x1b[H${drawn}\x1b[J`
}

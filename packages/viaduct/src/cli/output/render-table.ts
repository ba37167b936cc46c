/** Rows as aligned columns without lines around them. Pure; colours in cells are not counted. */
import { stripVTControlCharacters } from 'node:util'
import type { Paint } from './terminal.ts'

export interface Column {
  readonly title: string
  /** Numbers are read from the right. */
  readonly right?: boolean
}

/** @returns Lines without a final newline; only the titles when there are no rows. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  paint: Paint,
): string {
  const titles = columns.map((column) => column.title)
  const widths = titles.map((title, at) =>
    Math.max(title.length, ...rows.map((row) => widthOf(row[at] ?? ''))),
  )
  const renderRow = (cells: readonly string[]): string =>
    columns
      .map((column, at) => {
        const cell = cells[at] ?? ''
        const space = ' '.repeat(Math.max(0, (widths[at] ?? 0) - widthOf(cell)))
        return column.right ? space + cell : cell + space
      })
      .join('  ')
      .trimEnd()
  return [paint('dim', renderRow(titles)), ...rows.map(renderRow)].join('\n')
}

/** Two columns, the first dim: for one thing with several facts. */
export function renderFacts(facts: readonly (readonly [string, string])[], paint: Paint): string {
  const width = Math.max(0, ...facts.map(([name]) => name.length))
  return facts.map(([name, value]) => `${paint('dim', name.padEnd(width))}  ${value}`).join('\n')
}

function widthOf(text: string): number {
  return stripVTControlCharacters(text).length
}

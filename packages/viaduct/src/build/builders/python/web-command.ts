/** How a Python app is served when no Procfile says it: by the server that it depends on. */
import { readAppFile } from '../../read-app-file.ts'

/** Looked at in this order. */
const modules = ['wsgi', 'asgi', 'app', 'main', 'server', 'application']

/** Frameworks whose apps only a server of the newer interface (ASGI) can run. */
const asgiFrameworks = ['fastapi', 'starlette', 'quart', 'litestar']

/**
 * @param packages Names of what it depends on.
 * @returns null when none is known: it has no such server, or there is no app to be found.
 */
export async function findWebCommand(
  tree: string,
  packages: ReadonlySet<string | null>,
): Promise<string | null> {
  const isAsgi = asgiFrameworks.some((name) => packages.has(name))
  const server = chooseServer(packages, isAsgi)
  if (server === null) return null
  const target = (await findApp(tree)) ?? (await findDjango(tree, server))
  if (target === null) return null
  if (server === 'gunicorn') return `gunicorn --bind "$HOST:$PORT" ${target}`
  return `uvicorn --host "$HOST" --port "$PORT" ${target}`
}

function chooseServer(
  packages: ReadonlySet<string | null>,
  isAsgi: boolean,
): 'gunicorn' | 'uvicorn' | null {
  if (packages.has('gunicorn') && !isAsgi) return 'gunicorn'
  return packages.has('uvicorn') ? 'uvicorn' : null
}

/** `app:app`, for an app.py in which `app` gets a value. */
async function findApp(tree: string): Promise<string | null> {
  for (const module of modules) {
    const text = await readAppFile(tree, `${module}.py`)
    const name = /^(app|application)\s*(?::[^=\n]+)?=(?!=)/m.exec(text ?? '')?.[1]
    if (name !== undefined) return `${module}:${name}`
    const isOnlyThat = module === 'wsgi' || module === 'asgi'
    const imported = /^from\s+\S+\s+import\s+.*\b(application|app)\b/m.exec(text ?? '')?.[1]
    if (isOnlyThat && imported !== undefined) return `${module}:${imported}`
  }
  return null
}

/** `shop.wsgi`, for a manage.py with the settings `shop.settings`. */
async function findDjango(tree: string, server: 'gunicorn' | 'uvicorn'): Promise<string | null> {
  const text = await readAppFile(tree, 'manage.py')
  const settings = /DJANGO_SETTINGS_MODULE["'],\s*["']([A-Za-z_][\w.]*)\.settings\b/
  const project = settings.exec(text ?? '')?.[1]
  if (project === undefined) return null
  return `${project}.${server === 'gunicorn' ? 'wsgi' : 'asgi'}:application`
}

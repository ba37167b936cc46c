/**
 * What PHP's built-in server asks before each request. It would serve every file below its folder:
 * variables in `.env`, what is about the app, the sources of packages.
 */

/** Its place in a release. */
export const routerName = '.viaduct-router.php'

/** Answers 404 for what is nobody's business; false: the server goes on as always. */
export const routerScript = `<?php
$root = rtrim($_SERVER['DOCUMENT_ROOT'], '/');
$asked = rawurldecode(explode('?', $_SERVER['REQUEST_URI'], 2)[0]);
$file = $_SERVER['SCRIPT_FILENAME'];
$found = str_starts_with($file, $root) ? substr($file, strlen($root)) : '/.';
$hidden = '#/\\\\.(?!well-known(?:/|$))#';
$own = '#^/+(?:viaduct\\\\.json|app\\\\.json|Procfile|composer\\\\.(?:json|lock)|vendor)(?:/|$)#i';
foreach ([$asked, $found] as $path) {
    if (preg_match($hidden, $path) || preg_match($own, $path)) {
        http_response_code(404);
        header('Content-Type: text/plain');
        echo "Not found\\n";
        return true;
    }
}
return false;
`

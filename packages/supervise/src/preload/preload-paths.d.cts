/** An absolute path, for `node --require`. */
export declare const preloadPath: string
/** The name of the environment variable with what a worker is told: JSON. */
export declare const workerVariable: string

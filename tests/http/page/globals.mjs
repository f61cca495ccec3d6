/** Sets the globals for the steps: `http` and `essaim` (the package), `connect` (makes a client), `failure` (converts an error to JSON), `refused`. */
export function setGlobals(http, essaim) {
  const authorization = (user) => ({ Authorization: `Basic ${btoa(`${user}:secret`)}` });
  const connect = ({ url, user, ...options }) => new http.KintoClient(url, { headers: authorization(user), ...options });
  const failure = (error) => ({
    name: error.name,
    code: error.code,
    message: error.message,
    data: error.data,
    status: error.response?.status,
    options: error.options,
    everything: `${error.stack} ${JSON.stringify(error)} ${error.cause}`,
  });
  /** Resolves to the error with which a promise rejects. */
  const refused = async (promise) =>
    promise.then(
      (value) => {
        throw new Error(`resolved to ${JSON.stringify(value)}`);
      },
      (error) => failure(error),
    );
  Object.assign(globalThis, { http, essaim, authorization, connect, refused });
}

// The search of the pages runs in a worker, which browsers do not start from a file: there, the same script runs in a
// hidden frame, which has the messages of a worker.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.body.appendChild(document.createElement("iframe"))
      frame.hidden = true
      const inside = frame.contentWindow
      const sent = (target, data) => target.dispatchEvent(new MessageEvent("message", { data }))
      inside.postMessage = data => setTimeout(() => sent(this, data))
      this.ready = new Promise(resolve => {
        const script = inside.document.createElement("script")
        script.src = url
        script.onload = resolve
        inside.document.body.append(script)
      })
      this.postMessage = data => this.ready.then(() => sent(inside, data))
    }
    terminate() {}
  }
}

// Pushes lines through pino-loki, which runs in a worker thread: JSON with structured metadata.
//
// Usage: push_pino.js URL LINES. Prints what a query must find, an entry a line.

const fs = require('node:fs')
const pino = require('pino')

function main (url, lines) {
  const transport = pino.transport({
    target: 'pino-loki',
    options: {
      host: url,
      interval: 0.2,
      labels: { service_name: 'pino' },
      propsToLabels: ['zone'],
      structuredMetaKey: 'meta',
      logFormat: '{msg}'
    }
  })
  let clock = Date.now()
  const logger = pino({ base: null, timestamp: () => `,"time":${++clock}` }, transport)
  lines.forEach((line, number) => {
    const level = number % 2 ? 'warn' : 'info'
    logger[level]({ zone: 'b', meta: { order: String(number), trace_id: 'abc' } }, line)
    console.log(JSON.stringify({
      labels: { level: level === 'warn' ? 'warning' : 'info', service_name: 'pino', zone: 'b' },
      line,
      metadata: { order: String(number), trace_id: 'abc', detected_level: level },
      from: clock * 1e6,
      to: clock * 1e6
    }))
  })
  transport.end()
}

main(process.argv[2], JSON.parse(fs.readFileSync(process.argv[3], 'utf8')))

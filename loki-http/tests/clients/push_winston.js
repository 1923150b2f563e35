// Pushes lines through winston-loki: protobuf in snappy.
//
// Usage: push_winston.js URL LINES. Prints what a query must find, an entry a line.

const fs = require('node:fs')
const winston = require('winston')
const LokiTransport = require('winston-loki')

const LEVELS = [['info', 'info'], ['warn', 'warn'], ['error', 'error'], ['debug', 'debug']]

async function main (url, lines) {
  const transport = new LokiTransport({
    host: url,
    interval: 0.2,
    json: false,
    labels: { service_name: 'winston' },
    format: winston.format.printf(info => info.message),
    replaceTimestamp: false,
    onConnectionError: error => { throw error }
  })
  if (transport.batcher.contentType !== 'application/x-protobuf') throw new Error('snappy is not there')
  const logger = winston.createLogger({ level: 'debug', transports: [transport] })
  const now = Date.now()
  lines.forEach((message, number) => {
    const [level, detected] = LEVELS[number % 4]
    const labels = { half: number % 2 ? 'odd' : 'even' }
    // Milliseconds are what the transport keeps of a time.
    const timestamp = now + number
    logger.log({ level, message, labels, timestamp: new Date(timestamp).toISOString() })
    console.log(JSON.stringify({
      labels: { ...labels, level, service_name: 'winston' },
      line: message,
      metadata: { detected_level: detected },
      from: timestamp * 1e6,
      to: timestamp * 1e6
    }))
  })
  await transport.flush()
  await transport.close()
}

main(process.argv[2], JSON.parse(fs.readFileSync(process.argv[3], 'utf8')))

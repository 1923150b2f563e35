"""Follows a query over a WebSocket with the library websockets until standard input ends.

Usage: tail.py URL QUERY. Prints `open`, then each entry that arrives, an entry a line.
"""

import asyncio
import json
import sys
import urllib.parse

from websockets.asyncio.client import connect


async def main(url, query):
    address = url.replace("http", "ws", 1) + "/loki/api/v1/tail?" + urllib.parse.urlencode({"query": query})
    async with connect(address, max_size=None) as socket:
        print("open", flush=True)
        receiving = asyncio.create_task(receive(socket))
        stopped = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        await asyncio.wait([receiving, stopped], return_when=asyncio.FIRST_COMPLETED)
        if receiving.done():
            receiving.result()
        receiving.cancel()


async def receive(socket):
    async for frame in socket:
        message = json.loads(frame)
        for dropped in message.get("dropped_entries", []):
            raise RuntimeError(f"dropped {dropped}")
        for stream in message["streams"]:
            for timestamp, line in stream["values"]:
                entry = {"labels": stream["stream"], "line": line, "timestamp": int(timestamp)}
                print(json.dumps(entry), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

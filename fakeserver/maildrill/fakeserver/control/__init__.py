"""The HTTP control plane: a running server is watched and steered, from any language, while clients talk to it.

Start with `operations` (the table of all calls); `service` serves them. Nothing here imports Starlette or uvicorn
before somebody listens.
"""

#include "seal/encode.h"
#include "seal/seal.h"
#include "wasm/opcodes.h"
#include "wasm/reader.h"
bool analysis_make(struct analysis **a, const struct module *g, const struct seal_options *o, struct error *e){(void)g;(void)o;(void)e;*a=NULL;return true;}
void analysis_free(struct analysis *a){(void)a;}
bool analysis_can_unwind(const struct analysis *a, uint32_t f){(void)a;(void)f;return true;}
bool seal_resume(struct plan *p, const struct analysis *a, uint32_t f, struct buffer *b, struct error *e){(void)p;(void)a;(void)f;(void)e;encode_u32(b,0);encode_op(b,WASM_UNREACHABLE);encode_op(b,WASM_END);return true;}
bool seal_hot(struct plan *p, const struct analysis *a, uint32_t f, struct buffer *b, struct error *e){(void)a;(void)e;
 const uint8_t *B=p->guest->bytes; const struct func *fn=&p->guest->funcs[f]; const uint8_t *at=B+fn->code,*end=B+fn->code_end;
 buffer_put(b,B+fn->locals,fn->code-fn->locals);
 while(at!=end){const uint8_t*s=at;uint32_t op=opcode_read(&at);const struct opcode_info*i=opcode_info(op);
  switch(op){
  case WASM_CALL: encode_op_u32(b,WASM_CALL,p->hot[leb_u32(&at)]);continue;
  case WASM_GLOBAL_GET: case WASM_GLOBAL_SET: encode_op_u32(b,(uint8_t)op,p->globals[leb_u32(&at)]);continue;
  case WASM_CALL_INDIRECT: {uint32_t t=leb_u32(&at);leb_u32(&at);encode_i32_const(b,p->fixed_table);encode_op(b,WASM_I32_ADD);encode_op_u32(b,WASM_CALL_INDIRECT,plan_functype(p,t));encode_u32(b,0);continue;}
  case WASM_MEMORY_SIZE: leb_u32(&at);encode_op_u32(b,WASM_MEMORY_SIZE,0);encode_i32_const(b,p->memory_start/65536);encode_op(b,WASM_I32_SUB);continue;
  case WASM_MEMORY_GROW: leb_u32(&at);encode_op_u32(b,WASM_CALL,p->runtime[RUNTIME_memory_grow]);continue;
  case WASM_MEMORY_COPY: leb_u32(&at);leb_u32(&at);encode_op_u32(b,WASM_CALL,p->runtime[RUNTIME_memory_copy]);continue;
  case WASM_MEMORY_FILL: leb_u32(&at);encode_op_u32(b,WASM_CALL,p->runtime[RUNTIME_memory_fill]);continue;
  default:;}
  if(i->immediates==IMM_MEMARG){buffer_put_u8(b,(uint8_t)op);encode_u32(b,leb_u32(&at));encode_u32(b,leb_u32(&at)+p->memory_start);continue;}
  immediates_skip(&at,i->immediates);buffer_put(b,s,(size_t)(at-s));}
 return true;}

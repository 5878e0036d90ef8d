; llc.ll - What llc prints must be read. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;
; Two kernels of most that kernels are made of: llc makes text of them for several targets, which TextTest loads.
target triple = "nvptx64-nvidia-cuda"
@sh = internal addrspace(3) global [64 x float] undef, align 16
@dyn = external addrspace(3) global [0 x i8], align 16
@tab = internal addrspace(4) constant [4 x float] [float 1.0, float 2.0, float 3.0, float 4.0], align 4
@cnt = addrspace(1) global i32 0, align 4
declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
declare i32 @llvm.nvvm.idp4a.s.s(i32,i32,i32)
declare void @llvm.nvvm.barrier0()
declare void @llvm.nvvm.bar.warp.sync(i32)
declare float @llvm.nvvm.shfl.sync.bfly.f32(i32,float,i32,i32)
declare i32 @llvm.nvvm.redux.sync.add(i32,i32)
declare float @llvm.nvvm.ex2.approx.ftz.f(float)
declare float @llvm.exp2.f32(float)
declare float @llvm.sqrt.f32(float)
declare float @llvm.fma.f32(float,float,float)
declare float @llvm.maxnum.f32(float,float)
declare float @llvm.fabs.f32(float)
declare float @llvm.rint.f32(float)
declare float @llvm.floor.f32(float)
declare <4 x half> @llvm.fma.v4f16(<4 x half>,<4 x half>,<4 x half>)
declare i1 @llvm.nvvm.vote.any.sync(i32,i1)
declare i32 @llvm.nvvm.vote.ballot.sync(i32,i1)
define ptx_kernel void @first(ptr addrspace(1) noalias readonly align 16 %x, ptr addrspace(1) %y, i64 %n, i32 %m) "nvvm.maxntid"="128" {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %c = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %t64 = zext i32 %t to i64
  %p = getelementptr <4 x i32>, ptr addrspace(1) %x, i64 %t64
  %v = load <4 x i32>, ptr addrspace(1) %p, align 16, !invariant.load !0
  %v0 = extractelement <4 x i32> %v, i32 0
  %v1 = extractelement <4 x i32> %v, i32 1
  %v2 = extractelement <4 x i32> %v, i32 2
  %d = call i32 @llvm.nvvm.idp4a.s.s(i32 %v0, i32 %v1, i32 %v2)
  %f = sitofp i32 %d to float
  %b = call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %f, i32 16, i32 31)
  %s = fadd float %f, %b
  %e = call float @llvm.exp2.f32(float %s)
  %q = fdiv float %e, %s
  %sq = call float @llvm.sqrt.f32(float %q)
  %mx = call float @llvm.maxnum.f32(float %sq, float %s)
  %ab = call float @llvm.fabs.f32(float %mx)
  %ri = call float @llvm.rint.f32(float %ab)
  %fl = call float @llvm.floor.f32(float %ri)
  %i8 = fptosi float %fl to i8
  %sp = getelementptr float, ptr addrspace(3) @sh, i32 %t
  store float %fl, ptr addrspace(3) %sp
  call void @llvm.nvvm.barrier0()
  %sp2 = getelementptr float, ptr addrspace(3) @dyn, i32 %t
  %l = load float, ptr addrspace(3) %sp2
  %idx = and i32 %t, 3
  %tp = getelementptr float, ptr addrspace(4) @tab, i32 %idx
  %tl = load float, ptr addrspace(4) %tp
  %r1 = fadd float %l, %tl
  %yp = getelementptr float, ptr addrspace(1) %y, i64 %t64
  %cmp = icmp slt i32 %t, %m
  br i1 %cmp, label %then, label %done
then:
  store float %r1, ptr addrspace(1) %yp
  fence seq_cst
  fence syncscope("device") acq_rel
  %o = atomicrmw add ptr addrspace(1) @cnt, i32 1 syncscope("device") monotonic
  %o2 = atomicrmw add ptr addrspace(1) @cnt, i32 1 syncscope("device") acq_rel
  %o3 = atomicrmw fadd ptr addrspace(1) %yp, float 1.0 syncscope("device") monotonic
  %oo = add i32 %o, %o2
  %last = icmp eq i32 %oo, 5
  %any = call i1 @llvm.nvvm.vote.any.sync(i32 -1, i1 %last)
  %bal = call i32 @llvm.nvvm.vote.ballot.sync(i32 -1, i1 %last)
  %red = call i32 @llvm.nvvm.redux.sync.add(i32 %bal, i32 -1)
  br i1 %any, label %x1, label %done
x1:
  %bp = bitcast ptr addrspace(1) %y to ptr addrspace(1)
  store i8 %i8, ptr addrspace(1) %bp
  %bb = load i8, ptr addrspace(1) %yp
  %sx = sext i8 %bb to i64
  %mm = mul i64 %sx, %n
  %dd = udiv i64 %mm, 10
  %tr = trunc i64 %dd to i32
  %sh1 = call i32 @llvm.fshl.i32(i32 %tr, i32 %red, i32 %m)
  %cl = call i32 @llvm.ctlz.i32(i32 %sh1, i1 0)
  %ct = call i32 @llvm.ctpop.i32(i32 %cl)
  %cz = call i32 @llvm.cttz.i32(i32 %sh1, i1 0)
  %br = call i32 @llvm.bitreverse.i32(i32 %cz)
  %bs = call i32 @llvm.bswap.i32(i32 %br)
  %mn = call i32 @llvm.smin.i32(i32 %bs, i32 %ct)
  %sat = call i32 @llvm.sadd.sat.i32(i32 %mn, i32 %m)
  %yp4 = getelementptr i32, ptr addrspace(1) %y, i64 %dd
  store i32 %sat, ptr addrspace(1) %yp4
  %h4 = load <4 x half>, ptr addrspace(1) %yp, align 8
  %h5 = load <4 x half>, ptr addrspace(1) %x, align 8
  %h6 = call <4 x half> @llvm.fma.v4f16(<4 x half> %h4, <4 x half> %h5, <4 x half> %h4)
  %h7 = fadd <4 x half> %h6, %h5
  store <4 x half> %h7, ptr addrspace(1) %yp, align 8
  %h0 = extractelement <4 x half> %h7, i32 1
  %hf = fpext half %h0 to float
  %hb = fptrunc float %hf to bfloat
  store bfloat %hb, ptr addrspace(1) %y
  call void @llvm.nvvm.bar.warp.sync(i32 -1)
  br label %done
done:
  ret void
}
declare i32 @llvm.fshl.i32(i32,i32,i32)
declare i32 @llvm.ctlz.i32(i32,i1)
declare i32 @llvm.cttz.i32(i32,i1)
declare i32 @llvm.ctpop.i32(i32)
declare i32 @llvm.bitreverse.i32(i32)
declare i32 @llvm.bswap.i32(i32)
declare i32 @llvm.smin.i32(i32,i32)
declare i32 @llvm.sadd.sat.i32(i32,i32)
declare {i32,i32,i32,i32} @llvm.nvvm.mma.m16n8k32.row.col.s8(i32,i32,i32,i32,i32,i32,i32,i32,i32,i32)
declare {float,float,float,float} @llvm.nvvm.mma.m16n8k16.row.col.f32.f32(<2 x half>,<2 x half>,<2 x half>,<2 x half>,<2 x half>,<2 x half>,float,float,float,float)
declare {i32,i32,i32,i32} @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16.p3(ptr addrspace(3))
declare {i32,i32} @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x2.trans.b16.p3(ptr addrspace(3))
declare void @llvm.nvvm.cp.async.cg.shared.global.16(ptr addrspace(3), ptr addrspace(1))
declare void @llvm.nvvm.cp.async.ca.shared.global.4.s(ptr addrspace(3), ptr addrspace(1), i32)
declare void @llvm.nvvm.cp.async.commit.group()
declare void @llvm.nvvm.cp.async.wait.group(i32)
declare void @llvm.nvvm.cp.async.wait.all()
declare float @llvm.nvvm.rsqrt.approx.f(float)
declare float @llvm.nvvm.rcp.rn.f(float)
declare float @llvm.nvvm.lg2.approx.f(float)
declare i32 @llvm.nvvm.prmt(i32,i32,i32)
declare void @llvm.nvvm.barrier.cta.sync.aligned.count(i32,i32)
define ptx_kernel void @second(ptr addrspace(1) %x, ptr addrspace(1) %y, ptr %g) {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %o = mul i32 %t, 16
  %s = getelementptr i8, ptr addrspace(3) @dyn, i32 %o
  %gx = getelementptr i8, ptr addrspace(1) %x, i32 %o
  call void @llvm.nvvm.cp.async.cg.shared.global.16(ptr addrspace(3) %s, ptr addrspace(1) %gx)
  call void @llvm.nvvm.cp.async.ca.shared.global.4.s(ptr addrspace(3) %s, ptr addrspace(1) %gx, i32 %t)
  call void @llvm.nvvm.cp.async.commit.group()
  call void @llvm.nvvm.cp.async.wait.group(i32 1)
  call void @llvm.nvvm.cp.async.wait.all()
  call void @llvm.nvvm.barrier.cta.sync.aligned.count(i32 1, i32 64)
  %a = call {i32,i32,i32,i32} @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16.p3(ptr addrspace(3) %s)
  %b = call {i32,i32} @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x2.trans.b16.p3(ptr addrspace(3) %s)
  %a0 = extractvalue {i32,i32,i32,i32} %a, 0
  %a1 = extractvalue {i32,i32,i32,i32} %a, 1
  %a2 = extractvalue {i32,i32,i32,i32} %a, 2
  %a3 = extractvalue {i32,i32,i32,i32} %a, 3
  %b0 = extractvalue {i32,i32} %b, 0
  %b1 = extractvalue {i32,i32} %b, 1
  %m = call {i32,i32,i32,i32} @llvm.nvvm.mma.m16n8k32.row.col.s8(i32 %a0,i32 %a1,i32 %a2,i32 %a3,i32 %b0,i32 %b1,i32 0,i32 0,i32 0,i32 0)
  %h0 = bitcast i32 %a0 to <2 x half>
  %h1 = bitcast i32 %b0 to <2 x half>
  %m2 = call {float,float,float,float} @llvm.nvvm.mma.m16n8k16.row.col.f32.f32(<2 x half> %h0,<2 x half> %h0,<2 x half> %h0,<2 x half> %h0,<2 x half> %h1,<2 x half> %h1,float 0.0,float 0.0,float 1.0,float 0.0)
  %m0 = extractvalue {i32,i32,i32,i32} %m, 0
  %mf = extractvalue {float,float,float,float} %m2, 1
  %r1 = call float @llvm.nvvm.rsqrt.approx.f(float %mf)
  %r2 = call float @llvm.nvvm.rcp.rn.f(float %r1)
  %r4 = call float @llvm.nvvm.lg2.approx.f(float %r2)
  %p = call i32 @llvm.nvvm.prmt(i32 %m0, i32 %a0, i32 12816)
  %fm = sitofp i32 %p to float
  %r5 = fmul contract float %fm, %r4
  %r6 = fadd contract float %r5, %r2
  %yp = getelementptr float, ptr addrspace(1) %y, i32 %t
  %cmp = fcmp olt float %r6, 1.0
  %sel = select i1 %cmp, float %r6, float 0x7FF0000000000000
  store float %sel, ptr addrspace(1) %yp
  %gp = getelementptr float, ptr %g, i32 %t
  store float %sel, ptr %gp
  %l = alloca [16 x i32]
  %lp = getelementptr i32, ptr %l, i32 %t
  store i32 %p, ptr %lp
  %lq = getelementptr i32, ptr %l, i32 %m0
  %lv = load i32, ptr %lq
  %x1 = cmpxchg ptr %g, i32 %lv, i32 %p syncscope("device") acq_rel monotonic
  %x2 = extractvalue {i32,i1} %x1, 0
  %x3 = atomicrmw umax ptr %g, i32 %x2 syncscope("device") release
  store atomic i32 %x3, ptr addrspace(1) %y syncscope("device") release, align 4
  %x4 = load atomic i32, ptr addrspace(1) %y syncscope("device") acquire, align 4
  %x5 = load volatile i32, ptr addrspace(1) %y
  %x6 = add i32 %x4, %x5
  switch i32 %x6, label %e [i32 0, label %l0  i32 1, label %l1 i32 2, label %l2 i32 3, label %l3 i32 4, label %l4]
l0: store i32 17, ptr addrspace(1) %x
  br label %e
l1: store i32 18, ptr addrspace(1) %x
  br label %e
l2: store i16 19, ptr addrspace(1) %x
  br label %e
l3: store i64 20, ptr addrspace(1) %x
  br label %e
l4: call void @llvm.trap()
 unreachable
e:
  %i64 = load <2 x i64>, ptr addrspace(1) %x, align 16
  store <2 x i64> %i64, ptr addrspace(1) %y, align 16
  %h8 = load <8 x half>, ptr addrspace(1) %x, align 16
  store <8 x half> %h8, ptr addrspace(1) %y, align 16
  %b8 = load <16 x i8>, ptr addrspace(1) %x, align 16
  %b9 = sitofp <16 x i8> %b8 to <16 x float>
  %b10 = fptoui <16 x float> %b9 to <16 x i8>
  store <16 x i8> %b10, ptr addrspace(1) %y, align 16
  ret void
}
declare void @llvm.trap()
!0 = !{}
